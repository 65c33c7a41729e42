package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Fails every stage of every verb in turn, and the plugins in their ways: one clear error, and
 * nothing more left than before.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
abstract class FaultContract {
  private static final Path FAULTS = Path.of(System.getProperty("berth.fault.file"));
  private static final Duration LIMIT = Duration.ofSeconds(10);

  @TempDir static Path directory;
  private TestNode node;

  private final String handler;

  FaultContract(String handler) {
    this.handler = handler;
  }

  @BeforeAll
  void open() throws Exception {
    node = new TestNode(directory, handler);
  }

  @AfterEach
  void cleanUp() throws IOException {
    Files.deleteIfExists(FAULTS);
    Files.deleteIfExists(node.network.confDir().resolve("00-faulty.conflist"));
    node.removeAll();
  }

  @AfterAll
  void close() throws Exception {
    node.close();
  }

  @ParameterizedTest
  @EnumSource
  void aFailedStageOfRunPodSandboxLeavesNothing(RunPodSandboxStage stage) throws Exception {
    fail("RunPodSandbox", stage);
    assertThatThrownBy(() -> node.run(node.podWithPause("faulty")))
        .hasMessageContaining(stage.name());
    node.assertNothingLeft();
    Files.delete(FAULTS);
    node.remove(node.run(node.podWithPause("faulty"))); // the name is free
    node.assertNothingLeft();
  }

  @ParameterizedTest
  @EnumSource
  void aFailedStageOfCreateContainerLeavesNothing(CreateContainerStage stage) throws Exception {
    SandboxStatus pod = node.run(node.pod("create"));
    remove(node.create(pod, node.container("first", "/bin/true"))); // makes the pod's cgroup
    List<String> before = node.leftovers();
    fail("CreateContainer", stage);
    assertThatThrownBy(() -> node.create(pod, node.container("faulty", "/bin/true")))
        .hasMessageContaining(stage.name());
    node.assertLeft(before);
    Files.delete(FAULTS);
    node.create(pod, node.container("faulty", "/bin/true"));
    node.remove(pod);
    node.assertNothingLeft();
  }

  @ParameterizedTest
  @EnumSource
  void aFailedStageOfStartContainerLeavesAnExitedContainer(StartContainerStage stage)
      throws Exception {
    SandboxStatus pod = node.run(node.pod("start"));
    ContainerStatus created = node.create(pod, node.container("faulty", "/bin/sleep", "1000"));
    fail("StartContainer", stage);
    assertThatThrownBy(() -> start(created)).hasMessageContaining(stage.name());
    if (stage != StartContainerStage.CHECK) { // what fails before anything was done can be retried
      assertThat(node.containers().status(created.id()).state())
          .isInstanceOfSatisfying(
              ContainerState.Exited.class,
              exited -> {
                assertThat(exited.exitCode()).isEqualTo(128);
                assertThat(exited.reason()).isEqualTo(ExitReasons.START_ERROR);
                assertThat(exited.message()).contains(stage.name());
              });
    }
    Files.delete(FAULTS);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @ParameterizedTest
  @EnumSource
  void aFailedStageOfStopPodSandboxIsFinishedByTheNext(StopPodSandboxStage stage) throws Exception {
    SandboxStatus pod = node.run(node.pod("stop"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    fail("StopPodSandbox", stage);
    assertThatThrownBy(() -> stop(pod)).hasMessageContaining(stage.name());
    Files.delete(FAULTS);
    stop(pod);
    assertThat(node.sandboxes().status(pod.id()).isReady()).isFalse();
    assertThat(node.containers().status(container.id()).state())
        .isInstanceOf(ContainerState.Exited.class);
    assertThat(node.network.leases()).isEmpty();
    node.remove(pod);
    node.assertNothingLeft();
  }

  @ParameterizedTest
  @EnumSource
  void aFailedStageOfRemovePodSandboxIsFinishedByTheNext(RemovePodSandboxStage stage)
      throws Exception {
    SandboxStatus pod = node.run(node.pod("remove"));
    node.start(pod, node.container("main", "/bin/sleep", "1000"));
    fail("RemovePodSandbox", stage);
    assertThatThrownBy(() -> node.remove(pod)).hasMessageContaining(stage.name());
    Files.delete(FAULTS);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @ParameterizedTest
  @EnumSource
  void aFailedStageOfRemoveContainerIsFinishedByTheNext(RemoveContainerStage stage)
      throws Exception {
    SandboxStatus pod = node.run(node.pod("removal"));
    remove(node.create(pod, node.container("first", "/bin/true"))); // makes the pod's cgroup
    List<String> before = node.leftovers();
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    fail("RemoveContainer", stage);
    assertThatThrownBy(() -> remove(container)).hasMessageContaining(stage.name());
    assertThat(node.containers().status(container.id()).id()).isEqualTo(container.id());
    Files.delete(FAULTS);
    remove(container);
    node.assertLeft(before);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @ParameterizedTest
  @EnumSource
  void aFailedStageOfStopContainerIsFinishedByTheNext(StopContainerStage stage) throws Exception {
    SandboxStatus pod = node.run(node.pod("stopping"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    fail("StopContainer", stage);
    assertThatThrownBy(() -> stop(container)).hasMessageContaining(stage.name());
    Files.delete(FAULTS);
    stop(container);
    assertThat(node.containers().status(container.id()).state())
        .isInstanceOf(ContainerState.Exited.class);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @ParameterizedTest
  @EnumSource
  void aFailedStageOfExecSyncLeavesNoProcess(ExecSyncStage stage) throws Exception {
    SandboxStatus pod = node.run(node.pod("exec"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    fail("ExecSync", stage);
    assertThatThrownBy(() -> node.exec(container.id(), "sleep", "7654321"))
        .hasMessageContaining(stage.name());
    Files.delete(FAULTS);
    assertThat(node.exec(container.id(), "ps")).doesNotContain("7654321");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aPluginThatFailsAtTheSecondStepLeavesNothing() throws Exception {
    faultyNetwork("echo '{\"code\": 7, \"msg\": \"no second step\"}'; exit 1");
    assertThatThrownBy(() -> node.run(node.pod("plugin")))
        .hasMessageContaining("no second step")
        .hasMessageContaining("00-faulty.conflist");
    node.assertNothingLeft();
  }

  @Test
  void aPodThatCannotBeDetachedStaysListedUntilItCan() throws Exception {
    faultyNetwork("echo '{\"code\": 7, \"msg\": \"stuck\"}'; exit 1");
    node.network.plugin("faulty", "echo '{\"code\": 7, \"msg\": \"stuck\"}'; exit 1");
    assertThatThrownBy(() -> node.run(node.pod("stuck")))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("stuck");
    SandboxStatus listed = node.sandboxes().list(SandboxFilter.ALL).getFirst();
    assertThat(listed.isReady()).isFalse();
    assertThatThrownBy(() -> stop(listed)).hasMessageContaining("stuck");
    node.network.plugin("faulty", "true");
    stop(listed);
    node.remove(listed);
    node.assertNothingLeft();
  }

  @Test
  void aCancelledRunIsUndone() throws Exception {
    faultyNetwork("sleep 1000");
    var operation = TestNode.operation("RunPodSandbox");
    var canceller =
        Thread.ofVirtual()
            .start(() -> {
              Await.until("the plugin runs", LIMIT, () -> !node.network.leases().isEmpty());
              operation.cancel();
            });
    assertThatThrownBy(() -> node.sandboxes().run(node.pod("cancelled").build(), "", operation))
        .isInstanceOf(BerthException.class);
    canceller.join();
    node.assertNothingLeft();
  }

  /** A network whose first plugin works and whose second does something else at ADD. */
  private void faultyNetwork(String script) throws IOException {
    node.network.plugin("faulty", "[ $CNI_COMMAND = DEL ] && exit 0; " + script);
    String bridge =
        Files.readString(node.network.confDir().resolve("10-test.conflist"))
            .replaceAll("\\{\"type\": \"portmap\".*\\}", "{\"type\": \"faulty\"}");
    node.network.conf("00-faulty.conflist", bridge);
  }

  private void fail(String verb, Enum<?> stage) throws IOException {
    Files.writeString(FAULTS, verb + "." + stage.name() + " fail\n");
  }

  private void start(ContainerStatus container) {
    node.containers().start(container.id(), TestNode.operation("StartContainer"));
  }

  private void stop(ContainerStatus container) {
    node.containers()
        .stop(container.id(), Duration.ofMillis(100), TestNode.operation("StopContainer"));
  }

  private void remove(ContainerStatus container) {
    node.containers().remove(container.id(), TestNode.operation("RemoveContainer"));
  }

  private void stop(SandboxStatus pod) {
    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));
  }
}
