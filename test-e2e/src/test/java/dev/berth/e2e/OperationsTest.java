package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.berth.v1.RunningOperation;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.RunPodSandboxRequest;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * What is being done can be seen, and what takes too long says where: a plugin that hangs, and a
 * shim that is frozen.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class OperationsTest {
  private static final String HANG = "[ \"$CNI_COMMAND\" = DEL ] && exit; sleep 7654323 & wait";

  @TempDir private static Path directory;
  private PodNode at;

  @BeforeAll
  void start() throws Exception {
    at = PodNode.start(directory);
    at.pods().warmUp(at.image());
  }

  @AfterEach
  void nothingIsLeft() {
    Await.until(
        "nothing is being done",
        Duration.ofSeconds(20),
        () -> at.node().operations().isEmpty() && at.node().audit().isEmpty());
  }

  @AfterAll
  void stop() throws IOException {
    at.close();
  }

  @Test
  void requestInAHangingPluginIsListedAndEndsNamingItsStage() throws IOException {
    PodSandboxConfig config = at.pods().config("hanging");
    at.host()
        .replacing(
            "portmap",
            HANG,
            () -> {
              var call = Thread.ofVirtual().unstarted(() -> assertEndsAt("network", config));
              assertListedWhile(call, "RunPodSandbox", "network", "hanging_e2e_uid-hanging_0");
            });
    assertThat(ProcessHandle.allProcesses().map(BerthNode::commandLine))
        .noneMatch(line -> line.contains("sleep 7654323"));
    at.pods().remove(at.pods().run(config));
  }

  private void assertEndsAt(String stage, PodSandboxConfig config) {
    assertThatThrownBy(() ->
            at.node()
                .runtime()
                .withDeadlineAfter(12, TimeUnit.SECONDS)
                .runPodSandbox(RunPodSandboxRequest.newBuilder().setConfig(config).build()))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
              assertThat(e.getStatus().getDescription()).contains("RunPodSandbox at " + stage);
            });
  }

  private void assertListedWhile(Thread call, String verb, String stage, String name) {
    var failure = new Throwable[1];
    call.setUncaughtExceptionHandler((_, e) -> failure[0] = e);
    call.start();
    try {
      Await.until(
          verb + " is at " + stage,
          Duration.ofSeconds(10),
          () -> operations(verb).stream().anyMatch(one -> one.getStage().equals(stage)));
      assertThat(operations(verb))
          .anySatisfy(one -> {
            assertThat(one.getStage()).isEqualTo(stage);
            assertThat(one.getSubjects(0).getName()).isEqualTo(name);
            assertThat(one.getAgeMs()).isGreaterThanOrEqualTo(one.getStageAgeMs());
          })
          .anySatisfy(one -> assertThat(one.getLeftMs()).isPositive());
      String listed = at.node().berth("ops").succeeded().stdout();
      assertThat(listed).contains(verb).contains(stage).contains(name);
      assertThat(at.node().audit()).isEmpty();
      call.join();
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
    if (failure[0] != null) {
      throw new AssertionError(failure[0]);
    }
  }

  private List<RunningOperation> operations(String verb) {
    return at.node().operations().stream().filter(one -> one.getVerb().equals(verb)).toList();
  }

  @Test
  void requestToAFrozenShimEndsNamingItsStage() throws Exception {
    PodSandboxConfig config = at.pods().config("frozen");
    String pod = at.pods().run(config);
    String id = at.pods().create(pod, config, Pods.shell("main", at.image(), "exec sleep 1000"));
    long shim = at.node().shim().orElseThrow().pid();
    Command.output("kill", "-STOP", Long.toString(shim));
    try {
      assertThatThrownBy(() ->
              at.node()
                  .runtime()
                  .withDeadlineAfter(2, TimeUnit.SECONDS)
                  .startContainer(
                      dev.berth.proto.cri.v1.StartContainerRequest.newBuilder()
                          .setContainerId(id)
                          .build()))
          .isInstanceOfSatisfying(
              StatusRuntimeException.class,
              e -> {
                assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED);
                assertThat(e.getStatus().getDescription()).contains("StartContainer at task");
              });
    } finally {
      Command.output("kill", "-CONT", Long.toString(shim));
    }
    at.pods().remove(pod);
  }

  @Test
  void idleNodeDoesNothing() {
    assertThat(at.node().berth("ops", "--json").succeeded().stdout()).isEmpty();
  }
}
