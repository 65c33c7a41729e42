package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.tngtech.archunit.core.domain.JavaClass;
import dev.berth.image.PullStage;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ExecSyncResponse;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.runtime.task.CreateTaskStage;
import dev.berth.runtime.task.ExecTaskStage;
import dev.berth.sandbox.CheckpointContainerStage;
import dev.berth.sandbox.CreateContainerStage;
import dev.berth.sandbox.ExecStreamStage;
import dev.berth.sandbox.ExecSyncStage;
import dev.berth.sandbox.RemoveContainerStage;
import dev.berth.sandbox.RemovePodSandboxStage;
import dev.berth.sandbox.RunPodSandboxStage;
import dev.berth.sandbox.StartContainerStage;
import dev.berth.sandbox.StopContainerStage;
import dev.berth.sandbox.StopPodSandboxStage;
import dev.berth.sandbox.UpdateContainerResourcesStage;
import dev.berth.testing.RequiresRoot;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Every stage of every verb fails in the built distribution: the caller gets one error that names
 * verb and stage, nothing is left on the host, and the same request succeeds afterwards. The verbs
 * that make something are also killed in every stage, and berthd started again.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class StageFaultTest {
  /** Faults that berthd survives. */
  private static final List<Faults.Action> SURVIVED =
      List.of(Faults.Action.FAIL, Faults.Action.DISK_FULL);

  @TempDir private static Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private Faults faults;
  private BerthNode node;
  private Pods pods;
  private String image;

  /** A berthd that was started again has not opened and started all that it will keep. */
  private boolean cold;

  @BeforeAll
  void start() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    faults = new Faults(directory.resolve("faults"));
    node = BerthNode.startWithFaults(directory, host, faults, "--criu=/bin/true");
    pods = new Pods(node);
    image = pods.pull(registry.busybox());
    registry.push("faulty", registry.noise(100_000));
    pods.warmUp(image);
  }

  @AfterEach
  void clear() {
    faults.clear();
    pods.list().forEach(pods::remove);
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfRunPodSandboxLeavesNothing(RunPodSandboxStage stage) throws IOException {
    PodSandboxConfig config = podWithPause("run");
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      assertFails("RunPodSandbox", stage, action, () -> pods.run(config));
      before.assertRestored();
    }
    pods.remove(pods.run(config));
    before.assertRestored();
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfCreateContainerLeavesNothing(CreateContainerStage stage) throws IOException {
    PodSandboxConfig config = pod("create");
    String pod = pods.run(config);
    pods.removeContainer(pods.create(pod, config, sleeper("first"))); // makes the pod's cgroup
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      assertFails(
          "CreateContainer", stage, action, () -> pods.create(pod, config, sleeper("main")));
      before.assertRestored();
    }
    pods.removeContainer(pods.launch(pod, config, sleeper("main")));
    before.assertRestored();
    pods.remove(pod);
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfATaskInTheShimLeavesNothing(CreateTaskStage stage) throws IOException {
    PodSandboxConfig config = pod("task");
    String pod = pods.run(config);
    pods.removeContainer(pods.create(pod, config, sleeper("first"))); // makes the pod's cgroup
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      assertFails("Create", stage, action, () -> pods.create(pod, config, sleeper("main")));
      before.assertRestored();
    }
    pods.removeContainer(pods.launch(pod, config, sleeper("main")));
    before.assertRestored();
  }

  /** Nobody else knows of a task in the making, so the next shim undoes it. */
  @ParameterizedTest
  @EnumSource
  void shimKilledInAStageOfATaskLeavesNothing(CreateTaskStage stage) throws IOException {
    PodSandboxConfig config = pod("killed-task");
    String pod = pods.run(config);
    pods.removeContainer(pods.create(pod, config, sleeper("first"))); // makes the pod's cgroup
    HostSnapshot before = HostSnapshot.takeOfHost(node);
    faults.strike("Create", stage, Faults.Action.HALT);
    assertThatThrownBy(() -> pods.create(pod, config, sleeper("main")))
        .isInstanceOf(StatusRuntimeException.class);
    faults.clear();
    var persistence = new Persistence(new FaultLedger());
    String next =
        persistence.insist("CreateContainer", () -> pods.create(pod, config, sleeper("next")));
    pods.removeContainer(next);
    pods.containersOf(pod).forEach(pods::removeContainer);
    before.assertRestoredBut("dev.berth.shim.ShimMain");
    pods.remove(pod);
    cold = true;
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfPullImageLeavesNothing(PullStage stage) throws IOException {
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      assertFails("PullImage", stage, action, () -> pods.pull(registry.reference("faulty")));
      before.assertRestored();
    }
    pods.pull(registry.reference("faulty"));
    pods.removeImage(registry.reference("faulty"));
    before.assertRestored();
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfStartContainerLeavesWhatCanBeRemoved(StartContainerStage stage)
      throws IOException {
    PodSandboxConfig config = pod("start");
    HostSnapshot before = snapshot();
    String pod = pods.run(config);
    for (Faults.Action action : SURVIVED) {
      String id = pods.create(pod, config, sleeper("main"));
      assertFails("StartContainer", stage, action, () -> pods.start(id));
      assertThat(pods.status(id).getState()).isNotEqualTo(ContainerState.CONTAINER_RUNNING);
      pods.removeContainer(id);
    }
    pods.launch(pod, config, sleeper("main"));
    pods.remove(pod);
    before.assertRestored();
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfExecSyncLeavesNoProcess(ExecSyncStage stage) throws IOException {
    PodSandboxConfig config = pod("exec");
    String pod = pods.run(config);
    String id = pods.launch(pod, config, sleeper("main"));
    ExecSyncResponse _ = pods.exec(id, 10, "true"); // makes the directory of execs
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      assertFails("ExecSync", stage, action, () -> pods.exec(id, 10, "sleep", "7654321"));
      before.assertRestored();
    }
    assertThat(pods.exec(id, 10, "ps").getStdout().toStringUtf8()).doesNotContain("7654321");
    pods.remove(pod);
  }

  /** A command of ExecSync has no directory and no record. */
  @ParameterizedTest
  @EnumSource(
      mode = EnumSource.Mode.EXCLUDE,
      names = {"DIRECTORY", "RECORD"})
  void failedStageOfACommandInTheShimLeavesNoProcess(ExecTaskStage stage) throws IOException {
    PodSandboxConfig config = pod("exec-task");
    String id = pods.launch(pods.run(config), config, sleeper("main"));
    ExecSyncResponse _ = pods.exec(id, 10, "true"); // makes the directory of execs
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      assertFails("Run", stage, action, () -> pods.exec(id, 10, "sleep", "7654321"));
      before.assertRestored();
    }
    assertThat(pods.exec(id, 10, "ps").getStdout().toStringUtf8()).doesNotContain("7654321");
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfAStreamedExecLeavesNoProcess(ExecStreamStage stage) throws Exception {
    PodSandboxConfig config = pod("exec-stream");
    String id = pods.launch(pods.run(config), config, sleeper("main"));
    stream(id, "true"); // starts and opens whatever is kept from then on
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      faults.strike("Exec stream", stage, action);
      assertThat(stream(id, "sleep", "7654321")).contains("Exec stream." + stage.name());
      faults.clear();
      before.assertRestored();
    }
    assertThat(pods.exec(id, 10, "ps").getStdout().toStringUtf8()).doesNotContain("7654321");
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfAnExecInTheShimLeavesNoProcess(ExecTaskStage stage) throws Exception {
    PodSandboxConfig config = pod("exec-shim");
    String id = pods.launch(pods.run(config), config, sleeper("main"));
    stream(id, "true"); // starts and opens whatever is kept from then on
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      faults.strike("Start", stage, action);
      assertThat(stream(id, "sleep", "7654321")).contains(stage.name());
      faults.clear();
      before.assertRestored();
    }
    assertThat(pods.exec(id, 10, "ps").getStdout().toStringUtf8()).doesNotContain("7654321");
  }

  /**
   * Runs a command over a WebSocket to the end of the stream; returns what the error channel says.
   */
  private String stream(String id, String... command) throws Exception {
    try (var client = new WebSocketClient(pods.execUrl(id, command), "v5.channel.k8s.io")) {
      client.awaitEnd();
      return client.text("error");
    }
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfUpdateContainerResourcesChangesNothing(UpdateContainerResourcesStage stage)
      throws IOException {
    PodSandboxConfig config = pod("update");
    String id = pods.launch(pods.run(config), config, sleeper("main"));
    String limit = memoryLimit(id);
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      assertFails("UpdateContainerResources", stage, action, () -> pods.limitMemory(id, 1 << 27));
      assertThat(pods.status(id).getResources().getLinux().getMemoryLimitInBytes()).isZero();
      assertThat(memoryLimit(id)).isEqualTo(limit);
      before.assertRestored();
    }
    pods.limitMemory(id, 1 << 27);
    assertThat(pods.status(id).getResources().getLinux().getMemoryLimitInBytes())
        .isEqualTo(1 << 27);
  }

  private String memoryLimit(String id) {
    return pods.exec(id, 10, "sh", "-c", ResourceUpdateTest.READ_MEMORY_LIMIT)
        .getStdout()
        .toStringUtf8();
  }

  /** CRIU is a program that says it has succeeded: what comes after it must be reached. */
  @ParameterizedTest
  @EnumSource
  void failedStageOfCheckpointContainerLeavesItRunning(CheckpointContainerStage stage)
      throws IOException {
    PodSandboxConfig config = pod("checkpoint");
    String id = pods.launch(pods.run(config), config, sleeper("main"));
    Path archive = directory.resolve("checkpoint.tar");
    pods.checkpoint(id, archive); // makes the directory of checkpoints
    Files.delete(archive);
    ExecSyncResponse _ = pods.exec(id, 10, "true"); // makes the directory of execs
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      assertFails("CheckpointContainer", stage, action, () -> pods.checkpoint(id, archive));
      assertThat(archive).doesNotExist();
      assertThat(pods.exec(id, 10, "true").getExitCode()).isZero();
      before.assertRestored();
    }
    pods.checkpoint(id, archive);
    Files.delete(archive);
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfStopContainerIsFinishedByTheNext(StopContainerStage stage) throws IOException {
    PodSandboxConfig config = pod("stop-container");
    String pod = pods.run(config);
    for (Faults.Action action : SURVIVED) {
      String id = pods.launch(pod, config, sleeper("main"));
      assertFails("StopContainer", stage, action, () -> pods.stopContainer(id, 1));
      pods.stopContainer(id, 0);
      assertThat(pods.status(id).getState()).isEqualTo(ContainerState.CONTAINER_EXITED);
      pods.removeContainer(id);
    }
    pods.remove(pod);
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfRemoveContainerIsFinishedByTheNext(RemoveContainerStage stage)
      throws IOException {
    PodSandboxConfig config = pod("remove-container");
    String pod = pods.run(config);
    pods.removeContainer(pods.create(pod, config, sleeper("first"))); // makes the pod's cgroup
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      String id = pods.launch(pod, config, sleeper("main"));
      assertFails("RemoveContainer", stage, action, () -> pods.removeContainer(id));
      assertThat(pods.status(id).getId()).isEqualTo(id);
      pods.removeContainer(id);
      before.assertRestored();
    }
    pods.remove(pod);
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfStopPodSandboxIsFinishedByTheNext(StopPodSandboxStage stage)
      throws IOException {
    PodSandboxConfig config = pod("stop-pod");
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      String pod = pods.run(config);
      pods.launch(pod, config, sleeper("main"));
      assertFails("StopPodSandbox", stage, action, () -> pods.stop(pod));
      pods.stop(pod);
      assertThat(host.leases()).isEmpty();
      pods.remove(pod);
      before.assertRestored();
    }
  }

  @ParameterizedTest
  @EnumSource
  void failedStageOfRemovePodSandboxIsFinishedByTheNext(RemovePodSandboxStage stage)
      throws IOException {
    PodSandboxConfig config = pod("remove-pod");
    HostSnapshot before = snapshot();
    for (Faults.Action action : SURVIVED) {
      String pod = pods.run(config);
      pods.launch(pod, config, sleeper("main"));
      assertFails("RemovePodSandbox", stage, action, () -> pods.remove(pod));
      pods.remove(pod);
      before.assertRestored();
    }
  }

  @ParameterizedTest
  @EnumSource
  void killedInAStageOfRunPodSandboxTheNameIsFreeAgain(RunPodSandboxStage stage)
      throws IOException {
    PodSandboxConfig config = podWithPause("killed-run");
    HostSnapshot before = HostSnapshot.takeOfHost(node);
    dieIn("RunPodSandbox", stage, () -> pods.run(config));
    assertThat(pods.list()).isEmpty();
    assertThat(host.leases()).isEmpty();
    before.assertRestored();
    pods.remove(pods.run(config));
    before.assertRestored();
  }

  @ParameterizedTest
  @EnumSource
  void killedInAStageOfCreateContainerTheNameCanBeFreed(CreateContainerStage stage)
      throws IOException {
    PodSandboxConfig config = pod("killed-create");
    String pod = pods.run(config);
    pods.removeContainer(pods.create(pod, config, sleeper("first"))); // makes the pod's cgroup
    HostSnapshot before = HostSnapshot.takeOfHost(node);
    dieIn("CreateContainer", stage, () -> pods.create(pod, config, sleeper("main")));
    // Whose task was there already is complete, and listed for the kubelet to find.
    pods.containersOf(pod).forEach(pods::removeContainer);
    before.assertRestored();
    pods.removeContainer(pods.launch(pod, config, sleeper("main")));
    before.assertRestored();
    pods.remove(pod);
  }

  @ParameterizedTest
  @EnumSource
  void killedInAStageOfPullImageTheNextPullSucceeds(PullStage stage) throws IOException {
    HostSnapshot before = HostSnapshot.takeOfHost(node);
    dieIn("PullImage", stage, () -> pods.pull(registry.reference("faulty")));
    before.assertRestored();
    pods.pull(registry.reference("faulty"));
    pods.removeImage(registry.reference("faulty"));
    before.assertRestored();
  }

  /** A new stage is a new case of its test; this is for an enum that is new. */
  @Test
  void everyStageOfEveryVerbHasAFaultTest() {
    Stream<Class<?>> tested =
        Arrays.stream(StageFaultTest.class.getDeclaredMethods())
            .filter(method -> method.isAnnotationPresent(EnumSource.class))
            .filter(method -> method.getAnnotation(EnumSource.class).names().length == 0)
            .flatMap(StageFaultTest::parameters);
    Stream<String> stages =
        ArchitectureTest.BERTH.stream()
            .filter(JavaClass::isEnum)
            .map(JavaClass::getName)
            .filter(name -> name.endsWith("Stage"));
    assertThat(tested.map(Class::getName)).containsAll(stages.toList());
  }

  private static Stream<Class<?>> parameters(Method method) {
    return Arrays.stream(method.getParameterTypes());
  }

  private HostSnapshot snapshot() throws IOException {
    if (cold) {
      pods.warmUp(image);
      cold = false;
    }
    return HostSnapshot.take(node);
  }

  /** Lets one call fail, and only that. */
  private void assertFails(
      String verb, Enum<?> stage, Faults.Action action, ThrowingCallable call) {
    faults.strike(verb, stage, action);
    try {
      assertThatThrownBy(call)
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e -> {
                assertThat(e.getStatus().getCode()).isEqualTo(action.code());
                assertThat(e.getStatus().getDescription()).contains(verb + "." + stage.name());
              });
    } finally {
      faults.clear();
    }
  }

  /** Lets berthd die in a call, and starts it again. */
  private void dieIn(String verb, Enum<?> stage, ThrowingCallable call) throws IOException {
    faults.strike(verb, stage, Faults.Action.HALT);
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Faults.Action.HALT.code()));
    node.awaitDeath();
    faults.clear();
    node.start();
    cold = true;
  }

  private PodSandboxConfig pod(String name) throws IOException {
    return withLogDirectory(pods.config(name));
  }

  private PodSandboxConfig podWithPause(String name) throws IOException {
    return withLogDirectory(pods.configWithPause(name));
  }

  /** A pod's logs are the kubelet's, so their directory is there before. */
  private static PodSandboxConfig withLogDirectory(PodSandboxConfig config) throws IOException {
    Files.createDirectories(Path.of(config.getLogDirectory()));
    return config;
  }

  /** Without a log: that would stay, as the kubelet's. */
  private ContainerConfig sleeper(String name) {
    return Pods.shell(name, image, "sleep 1000").toBuilder().clearLogPath().build();
  }
}
