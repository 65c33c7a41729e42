package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assertions.catchThrowable;

import com.google.protobuf.TextFormat;
import com.google.protobuf.TextFormat.ParseException;
import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.nri.ContainerAdjustment;
import dev.berth.proto.nri.ContainerEviction;
import dev.berth.proto.nri.ContainerUpdate;
import dev.berth.proto.nri.CreateContainerResponse;
import dev.berth.proto.nri.StopContainerResponse;
import dev.berth.proto.nri.SynchronizeResponse;
import dev.berth.proto.nri.UpdateContainerResponse;
import dev.berth.proto.nri.UpdateContainersRequest;
import dev.berth.sandbox.nri.NriSettings;
import dev.berth.sandbox.nri.TestPlugin;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What plugins see of pods, and what they can change of them. */
@RequiresRoot
abstract class PluginsContract {
  private static final Duration SOON = Duration.ofSeconds(10);
  private static final Duration REQUEST_LIMIT = Duration.ofSeconds(2);

  @TempDir private Path directory;
  private final List<TestPlugin> joined = new ArrayList<>();
  private TestNode node;
  private TestPlugin plugin;

  abstract String handler();

  @BeforeEach
  void start() throws Exception {
    var settings = new NriSettings(socket(), false, "test", Duration.ofSeconds(5), REQUEST_LIMIT);
    node = new TestNode(directory, handler(), Optional.of(settings));
    plugin = join("10", "first");
  }

  @AfterEach
  void stop() throws Exception {
    joined.forEach(TestPlugin::close);
    node.removeAll();
    node.assertNothingLeft();
    node.close();
  }

  private Path socket() {
    return directory.resolve("state/nri.sock");
  }

  private TestPlugin join(String index, String name) throws IOException {
    TestPlugin one = TestPlugin.join(socket(), index, name);
    joined.add(one);
    return one;
  }

  private static CreateContainerResponse adjust(String adjustment) {
    try {
      return CreateContainerResponse.newBuilder()
          .setAdjust(TextFormat.parse(adjustment, ContainerAdjustment.class))
          .build();
    } catch (ParseException e) {
      throw new IllegalArgumentException(e);
    }
  }

  private static ContainerUpdate memory(String containerId, long limit) {
    var update = ContainerUpdate.newBuilder().setContainerId(containerId);
    update
        .getLinuxBuilder()
        .getResourcesBuilder()
        .getMemoryBuilder()
        .getLimitBuilder()
        .setValue(limit);
    return update.build();
  }

  /** What the kernel says, whichever version of cgroups the host has. */
  private static String memoryLimit(ContainerStatus container) throws IOException {
    int pid = ((ContainerState.Running) container.state()).pid();
    String cgroups = Files.readString(Path.of("/proc/" + pid + "/cgroup"));
    for (String line : cgroups.lines().toList()) {
      String[] parts = line.split(":", 3);
      if (parts[1].contains("memory")) {
        return Files.readString(Path.of("/sys/fs/cgroup/memory", parts[2], "memory.limit_in_bytes"))
            .strip();
      }
    }
    String unified =
        cgroups.lines().filter(line -> line.startsWith("0::")).findFirst().orElseThrow();
    return Files.readString(Path.of("/sys/fs/cgroup", unified.substring(3), "memory.max")).strip();
  }

  @Test
  void pluginIsToldOfTheWholeLifeOfAPodInOrder() {
    SandboxStatus pod = node.run(node.pod("life"));
    ContainerStatus container = node.start(pod, node.container("main", "sleep", "1000"));
    node.containers().stop(container.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    node.containers().remove(container.id(), TestNode.operation("RemoveContainer"));
    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));
    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));
    node.remove(pod);

    assertThat(plugin.toldOf(container.id()))
        .containsExactly(
            "CreateContainer",
            "PostCreateContainer",
            "StartContainer",
            "PostStartContainer",
            "StopContainer",
            "RemoveContainer");
    assertThat(plugin.toldOfPod(pod.id()))
        .containsExactly("RunPodSandbox", "StopPodSandbox", "RemovePodSandbox");
  }

  @Test
  void containersHaveEndedAndThePodIsSeenWhileThePluginIsToldOfItsStop() {
    SandboxStatus pod = node.run(node.pod("stopping"));
    ContainerStatus container = node.start(pod, node.container("main", "sleep", "1000"));
    List<ContainerState> states = new CopyOnWriteArrayList<>();
    List<String> seen = new CopyOnWriteArrayList<>();
    plugin.onNotice =
        told -> {
          if (told.method().equals("StopPodSandbox")) {
            states.add(node.containers().status(container.id()).state());
            seen.add(node.sandboxes().status(pod.id()).id());
          }
        };
    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));
    assertThat(states).singleElement().isInstanceOf(ContainerState.Exited.class);
    assertThat(seen).containsExactly(pod.id());
  }

  @Test
  void pluginSeesWhatAPodAndItsContainerAre() {
    SandboxStatus pod = node.run(node.pod("seen"));
    ContainerStatus container =
        node.start(pod, node.container("main", "sleep", "1000").putLabels("l", "1"));

    TestPlugin.Told started = plugin.told().getLast();
    assertThat(started.method()).isEqualTo("PostStartContainer");
    assertThat(started.pod().getName()).isEqualTo("seen");
    assertThat(started.pod().getNamespace()).isEqualTo("test");
    assertThat(started.pod().getUid()).isEqualTo("uid-seen");
    assertThat(started.pod().getIpsList()).isEqualTo(pod.ips());
    assertThat(started.pod().getLinux().getNamespacesList()).extracting("type").contains("network");
    assertThat(started.container().getName()).isEqualTo("main");
    assertThat(started.container().getArgsList()).containsExactly("sleep", "1000");
    assertThat(started.container().getLabelsMap()).containsEntry("l", "1");
    assertThat(started.container().getPid())
        .isEqualTo(((ContainerState.Running) container.state()).pid());
    assertThat(started.container().getLinux().getNamespacesList()).isNotEmpty();
  }

  @Test
  void endOfAContainerIsToldOnceThoughNobodyStoppedIt() {
    SandboxStatus pod = node.run(node.pod("self"));
    ContainerStatus container = node.start(pod, node.container("main", "sh", "-c", "exit 3"));

    Await.until(
        "it was told of the end",
        SOON,
        () -> plugin.toldOf(container.id()).contains("StopContainer"));
    assertThat(plugin.told().getLast().container().getExitCode()).isEqualTo(3);
    node.remove(pod);
    assertThat(plugin.toldOf(container.id())).containsOnlyOnce("StopContainer");
    assertThat(plugin.toldOf(container.id())).endsWith("StopContainer", "RemoveContainer");
  }

  @Test
  void containerIsMadeAsThePluginWants() throws IOException {
    Path shared = Files.createDirectories(directory.resolve("shared"));
    Files.writeString(shared.resolve("file"), "from the host");
    Files.writeString(
        Files.createDirectories(directory.resolve("cdi")).resolve("vendor.json"),
        """
        {"cdiVersion": "0.6.0", "kind": "vendor.com/light",
         "devices": [{"name": "red", "containerEdits": {"env": ["LIGHT=red"]}}]}
        """);
    plugin.onCreate =
        _ ->
            adjust(
                """
                CDI_devices { name: "vendor.com/light=red" }
                env { key: "COLOR" value: "blue" }
                annotations { key: "by" value: "plugin" }
                mounts { destination: "/extra" type: "bind" source: "%s"
                  options: "rbind" options: "ro" }
                mounts { destination: "-/dev/shm" }
                rlimits { type: "RLIMIT_CORE" hard: 4096 soft: 4096 }
                linux { resources { memory { limit { value: 67108864 } } pids { limit: 33 } }
                  oom_score_adj { value: 123 } }
                """
                    .formatted(shared));

    SandboxStatus pod = node.run(node.pod("made"));
    ContainerStatus container = node.start(pod, node.container("main", "sleep", "1000"));

    assertThat(node.exec(container.id(), "cat", "/extra/file")).isEqualTo("from the host");
    assertThat(node.exec(container.id(), "sh", "-c", "tr '\\0' '\\n' < /proc/1/environ"))
        .contains("COLOR=blue", "LIGHT=red");
    assertThat(node.exec(container.id(), "cat", "/proc/mounts")).doesNotContain("/dev/shm");
    assertThat(node.exec(container.id(), "cat", "/proc/1/oom_score_adj")).isEqualTo("123\n");
    assertThat(node.exec(container.id(), "cat", "/proc/1/limits"))
        .containsPattern("Max core file size +4096 +4096");
    assertThat(memoryLimit(container)).isEqualTo("67108864");
    assertThat(plugin.told().getLast().container().getAnnotationsMap())
        .containsEntry("by", "plugin");
  }

  @Test
  void containerGoesWhereThePluginWantsItsCgroup() throws IOException {
    plugin.onCreate = _ -> adjust("linux { cgroups_path: \"" + node.cgroup + "/elsewhere\" }");

    SandboxStatus pod = node.run(node.pod("moved"));
    ContainerStatus container = node.start(pod, node.container("main", "sleep", "1000"));

    int pid = ((ContainerState.Running) container.state()).pid();
    assertThat(Files.readString(Path.of("/proc/" + pid + "/cgroup")))
        .contains(node.cgroup + "/elsewhere");
    assertThat(node.manager.usage().container(container.id())).isNotNull();
  }

  @Test
  void hooksThatAPluginWantsRun() throws IOException {
    Path order = directory.resolve("order");
    plugin.onCreate =
        _ ->
            adjust(
                "hooks { %s %s %s }"
                    .formatted(
                        hook("create_runtime", order),
                        hook("poststart", order),
                        hook("poststop", order)));

    SandboxStatus pod = node.run(node.pod("hooked"));
    node.start(pod, node.container("main", "sleep", "1000"));
    assertThat(Files.readAllLines(order)).containsExactly("create_runtime", "poststart");
    node.remove(pod);
    assertThat(Files.readAllLines(order)).endsWith("poststop");
  }

  private static String hook(String point, Path order) {
    return """
    %s { path: "/bin/sh" args: "sh" args: "-c" args: "echo %s >> %s" timeout { value: 10 } }
    """
        .formatted(point, point, order);
  }

  @Test
  void refusedContainerLeavesNothingAndIsToldAsRemoved() {
    SandboxStatus pod = node.run(node.pod("refused"));
    plugin.onCreate =
        _ -> {
          throw TestPlugin.refusal("no room");
        };

    assertThatThrownBy(() -> node.create(pod, node.container("main", "sleep", "1000")))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("nri plugin 10-first: no room");
    assertThat(node.containers().list(ContainerFilter.ALL)).isEmpty();
    String id = plugin.told().getLast().container().getId();
    assertThat(plugin.toldOf(id))
        .containsExactly("CreateContainer", "StopContainer", "RemoveContainer");

    plugin.onCreate = _ -> CreateContainerResponse.getDefaultInstance();
    node.start(pod, node.container("main", "sleep", "1000"));
  }

  @Test
  void adjustmentThatCannotBeIsNamedAndLeavesNothing() {
    SandboxStatus pod = node.run(node.pod("impossible"));
    plugin.onCreate = _ -> adjust("CDI_devices { name: \"vendor.com/net=nic0\" }");

    assertThatThrownBy(() -> node.create(pod, node.container("main", "sleep", "1000")))
        .hasMessageContaining("vendor.com/net=nic0");
    assertThat(node.containers().list(ContainerFilter.ALL)).isEmpty();
  }

  @Test
  void refusedSandboxIsUndoneAndCanBeTriedAgain() {
    plugin.onNotice =
        told -> {
          if (told.method().equals("RunPodSandbox")) {
            throw TestPlugin.refusal("not here");
          }
        };

    assertThatThrownBy(() -> node.run(node.pod("again"))).hasMessageContaining("not here");
    assertThat(node.sandboxes().list(SandboxFilter.ALL)).isEmpty();
    assertThat(plugin.told()).extracting("method").endsWith("RunPodSandbox", "RemovePodSandbox");

    plugin.onNotice = _ -> {};
    assertThat(node.run(node.pod("again")).state()).isEqualTo(SandboxState.READY);
  }

  @Test
  void refusedStartLeavesAContainerThatFailedToStart() {
    SandboxStatus pod = node.run(node.pod("refusedstart"));
    ContainerStatus container = node.create(pod, node.container("main", "sleep", "1000"));
    plugin.onNotice =
        told -> {
          if (told.method().equals("StartContainer")) {
            throw TestPlugin.refusal("not now");
          }
        };

    assertThatThrownBy(
            () -> node.containers().start(container.id(), TestNode.operation("StartContainer")))
        .hasMessageContaining("not now");
    var state = (ContainerState.Exited) node.containers().status(container.id()).state();
    assertThat(state.exitCode()).isEqualTo(128);
    assertThat(state.message()).contains("not now");
  }

  @Test
  void podAndContainerAreSeenByNobodyWhileThePluginIsAsked() {
    List<String> seen = new ArrayList<>();
    plugin.onNotice =
        told -> {
          if (told.method().equals("RunPodSandbox")) {
            node.sandboxes().list(SandboxFilter.ALL).forEach(pod -> seen.add(pod.id()));
          }
          if (told.method().equals("StopPodSandbox")) {
            node.containers().list(ContainerFilter.ALL).stream()
                .filter(one -> !(one.state() instanceof ContainerState.Exited))
                .forEach(one -> seen.add(one.id()));
          }
        };
    plugin.onCreate =
        _ -> {
          node.containers().list(ContainerFilter.ALL).forEach(one -> seen.add(one.id()));
          return CreateContainerResponse.getDefaultInstance();
        };

    SandboxStatus pod = node.run(node.pod("hidden"));
    node.start(pod, node.container("main", "sleep", "1000"));
    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));

    assertThat(seen).isEmpty();
  }

  @Test
  void lateComerIsShownWhatThereIs() throws IOException {
    SandboxStatus pod = node.run(node.pod("before"));
    ContainerStatus container = node.start(pod, node.container("main", "sleep", "1000"));

    TestPlugin late = join("20", "late");

    assertThat(late.shown().getFirst().getPodsList()).extracting("id").contains(pod.id());
    assertThat(late.shown().getFirst().getContainersList())
        .singleElement()
        .satisfies(one -> {
          assertThat(one.getId()).isEqualTo(container.id());
          assertThat(one.getArgsList()).containsExactly("sleep", "1000");
          assertThat(one.getState())
              .isEqualTo(dev.berth.proto.nri.ContainerState.CONTAINER_RUNNING);
        });
  }

  @Test
  void noContainerIsLostWhileAPluginJoins() throws Exception {
    SandboxStatus pod = node.run(node.pod("joining"));
    List<String> made = new CopyOnWriteArrayList<>();
    made.add(node.start(pod, node.container("before", "sleep", "1000")).id());
    TestPlugin late = TestPlugin.connect(socket());
    joined.add(late);
    CountDownLatch shown = new CountDownLatch(1);
    CountDownLatch release = new CountDownLatch(1);
    late.onSynchronize =
        _ -> {
          shown.countDown();
          await(release);
          return SynchronizeResponse.getDefaultInstance();
        };
    late.register("20", "late");
    await(shown);

    try (ExecutorService creators = Executors.newVirtualThreadPerTaskExecutor()) {
      for (String name : List.of("during-1", "during-2", "during-3")) {
        creators.execute(
            () -> made.add(node.start(pod, node.container(name, "sleep", "1000")).id()));
      }
      assertThat(made).hasSize(1); // they wait
      release.countDown();
    }
    made.add(node.start(pod, node.container("after", "sleep", "1000")).id());

    assertThat(made).hasSize(5);
    List<String> seen =
        late.shown().stream()
            .flatMap(part -> part.getContainersList().stream())
            .map(dev.berth.proto.nri.Container::getId)
            .collect(Collectors.toCollection(ArrayList::new));
    late.told().stream()
        .filter(told -> told.method().equals("CreateContainer"))
        .forEach(told -> seen.add(told.container().getId()));
    assertThat(seen).containsExactlyInAnyOrderElementsOf(made);
  }

  private static void await(CountDownLatch latch) {
    try {
      assertThat(latch.await(20, TimeUnit.SECONDS)).isTrue();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  @Test
  void sandboxCannotBeUsedBeforePluginsAgreedToItNorAfterItsEnd() {
    List<Throwable> failures = new CopyOnWriteArrayList<>();
    plugin.onNotice =
        told -> {
          if (told.method().equals("RunPodSandbox")) {
            failures.add(
                catchThrowable(() ->
                    node.containers()
                        .create(
                            told.pod().getId(),
                            node.container("early", "sleep", "1000").build(),
                            node.pod("closed").build(),
                            TestNode.operation("CreateContainer"))));
          }
        };

    SandboxStatus pod = node.run(node.pod("closed"));
    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));

    assertThat(failures).singleElement().isInstanceOf(BerthException.class);
    assertThatThrownBy(() -> node.create(pod, node.container("late", "sleep", "1000")))
        .hasMessageContaining("is not ready");
    assertThat(plugin.told()).extracting("method").doesNotContain("CreateContainer");
  }

  @Test
  void pluginChangesLimitsByItselfAndInAnswers() throws IOException {
    SandboxStatus pod = node.run(node.pod("limits"));
    ContainerStatus first = node.start(pod, node.container("first", "sleep", "1000"));

    assertThat(plugin.update(memory(first.id(), 100 << 20)).getFailedList()).isEmpty();
    assertThat(memoryLimit(first)).isEqualTo(Long.toString(100 << 20));
    assertThat(plugin.update(memory("unknown", 1)).getFailedList()).hasSize(1);

    plugin.onCreate =
        _ -> CreateContainerResponse.newBuilder().addUpdate(memory(first.id(), 90 << 20)).build();
    ContainerStatus second = node.start(pod, node.container("second", "sleep", "1000"));
    assertThat(memoryLimit(first)).isEqualTo(Long.toString(90 << 20));

    plugin.onUpdate =
        request ->
            UpdateContainerResponse.newBuilder()
                .addUpdate(memory(request.getContainer().getId(), 80 << 20))
                .build();
    node.containers()
        .update(
            second.id(),
            LinuxContainerResources.newBuilder().setMemoryLimitInBytes(70 << 20).build(),
            TestNode.operation("UpdateContainerResources"));
    assertThat(memoryLimit(second)).isEqualTo(Long.toString(80 << 20));

    plugin.onStop =
        _ -> StopContainerResponse.newBuilder().addUpdate(memory(first.id(), 60 << 20)).build();
    node.containers().stop(second.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    assertThat(memoryLimit(first)).isEqualTo(Long.toString(60 << 20));
  }

  @Test
  void pluginMayAskForAnUpdateWhileItIsAsked() {
    SandboxStatus pod = node.run(node.pod("nested"));
    ContainerStatus container = node.create(pod, node.container("main", "sleep", "1000"));
    plugin.onNotice =
        told -> {
          if (told.method().equals("StartContainer")) {
            var answer = plugin.update(memory(container.id(), 50 << 20));
            assertThat(answer.getFailedList()).isEmpty();
          }
        };

    node.containers().start(container.id(), TestNode.operation("StartContainer"));

    assertThat(plugin.isDisconnected()).isFalse();
  }

  @Test
  void pluginEvictsAContainer() {
    SandboxStatus pod = node.run(node.pod("evicted"));
    ContainerStatus container =
        node.start(
            pod, node.container("main", "sh", "-c", "trap 'exit 7' TERM; sleep 1000 & wait"));

    plugin.update(
        UpdateContainersRequest.newBuilder()
            .addEvict(
                ContainerEviction.newBuilder().setContainerId(container.id()).setReason("noisy"))
            .build());

    Await.until(
        "it has ended",
        SOON,
        () -> node.containers().status(container.id()).state() instanceof ContainerState.Exited);
  }

  @Test
  void sumsOfAPodAreToldBeforeAndAfterTheyCount() {
    SandboxStatus pod = node.run(node.pod("sums"));
    var sum = LinuxContainerResources.newBuilder().setCpuShares(512).build();

    node.sandboxes()
        .update(
            pod.id(),
            Optional.empty(),
            Optional.of(sum),
            TestNode.operation("UpdatePodSandboxResources"));

    assertThat(plugin.toldOfPod(pod.id()))
        .containsExactly("RunPodSandbox", "UpdatePodSandbox", "PostUpdatePodSandbox");
    assertThat(
            plugin
                .told()
                .getLast()
                .pod()
                .getLinux()
                .getPodResources()
                .getCpu()
                .getShares()
                .getValue())
        .isEqualTo(512);
  }

  @Test
  void stoppedProcessOfAPluginCostsOneTimeout() throws Exception {
    SandboxStatus before = node.run(node.pod("before"));
    node.start(before, node.container("main", "sleep", "1000")); // the shim has started
    Process frozen =
        new ProcessBuilder(
                ProcessHandle.current().info().command().orElseThrow(),
                "-cp",
                System.getProperty("java.class.path"),
                TestPlugin.class.getName(),
                socket().toString(),
                "00",
                "frozen")
            .redirectError(ProcessBuilder.Redirect.INHERIT)
            .start();
    try {
      assertThat(frozen.inputReader().readLine()).isEqualTo("joined");
      assertThat(new ProcessBuilder("kill", "-STOP", "" + frozen.pid()).start().waitFor()).isZero();

      long begin = System.nanoTime();
      SandboxStatus pod = node.run(node.pod("goeson"));
      node.start(pod, node.container("main", "sleep", "1000"));
      Duration taken = Duration.ofNanos(System.nanoTime() - begin);

      // It would have been asked five times; the rest is room for a busy machine.
      assertThat(taken).isBetween(REQUEST_LIMIT, REQUEST_LIMIT.multipliedBy(3));
      assertThat(plugin.toldOfPod(pod.id())).containsExactly("RunPodSandbox");
    } finally {
      frozen.destroyForcibly().waitFor();
    }
  }
}
