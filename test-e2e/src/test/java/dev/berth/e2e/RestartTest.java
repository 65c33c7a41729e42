package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ContainerStatus;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxState;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Both JVMs can be killed at any moment: no container, log line or exit code is lost. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class RestartTest {
  private static final int LINES = 20_000;
  private static final String COUNT =
      "i=0; while [ $i -lt " + LINES + " ]; do echo line-$i; i=$((i+1)); done; exit 9";

  /** A {@link NumberedWriter} that has no end of its own. */
  private static final String WRITE_UNTIL_TOLD =
      new NumberedWriter(1_000_000, 50, "0.05", 9).script();

  private static final Duration SOON = Duration.ofSeconds(20);

  @TempDir private static Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private Pods pods;
  private PodSandboxConfig config;
  private String pod;
  private int podsMade;
  private String image;

  @BeforeAll
  void startNode() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host);
    pods = new Pods(node);
    image = pods.pull(registry.busybox());
  }

  @BeforeEach
  void runAPod() throws IOException {
    config = pods.config("survivor-" + ++podsMade);
    pod = pods.run(config);
  }

  @AfterEach
  void removePods() {
    for (String each : pods.list()) {
      persistence().insist("RemovePodSandbox", () -> pods.remove(each));
    }
  }

  /** The test before may have killed what has yet to come up. */
  private static Persistence persistence() {
    return new Persistence(new FaultLedger());
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  @Test
  void killedBerthdFindsItsPodsAgain() throws IOException {
    String id = pods.launch(pod, config, Pods.shell("main", image, "sleep 1000"));
    ContainerStatus before = pods.status(id);
    node.kill();
    node.start();
    assertThat(pods.status(id)).isEqualTo(before);
    assertThat(
            node.runtime()
                .podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).build())
                .getStatus()
                .getState())
        .isEqualTo(PodSandboxState.SANDBOX_READY);
    assertThat(pods.exec(id, 10, "echo", "still here").getStdout().toStringUtf8())
        .isEqualTo("still here\n");
  }

  @Test
  void exitWhileBerthdIsDownIsToldAfterwards() throws IOException {
    String id = pods.launch(pod, config, Pods.shell("writer", image, COUNT));
    node.kill();
    node.start();
    assertThat(pods.awaitExit(id).getExitCode()).isEqualTo(9);
    assertLogIsComplete(id);
  }

  @Test
  void killedShimLosesNeitherLinesNorTheExitCode() throws IOException {
    String id = pods.launch(pod, config, Pods.shell("writer", image, COUNT));
    ProcessHandle shim = node.shim().orElseThrow();
    shim.destroyForcibly();
    Await.until("the shim is gone", Duration.ofSeconds(10), () -> !shim.isAlive());
    assertThat(pods.awaitExit(id).getExitCode()).isEqualTo(9);
    assertLogIsComplete(id);
  }

  @Test
  void bothKilledLoseNeitherLinesNorTheExitCode() throws IOException {
    String id = pods.launch(pod, config, Pods.shell("writer", image, COUNT));
    ProcessHandle shim = node.shim().orElseThrow();
    node.kill();
    shim.destroyForcibly();
    node.start();
    assertThat(pods.awaitExit(id).getExitCode()).isEqualTo(9);
    assertLogIsComplete(id);
  }

  @Test
  void stubAndShimKilledTogetherLoseNoLine() throws IOException {
    String id = pods.launch(pod, config, Pods.shell("writer", image, WRITE_UNTIL_TOLD));
    for (int round = 0; round < 3; round++) {
      StubProcess stub =
          StubProcess.of(node).stream()
              .filter(process -> process.containerId().equals(Optional.of(id)))
              .findFirst()
              .orElseThrow();
      ProcessHandle shim = node.shim().orElseThrow();
      Signal.send("KILL", stub.pid());
      shim.destroyForcibly();
      Await.until("the shim is gone", SOON, () -> !shim.isAlive());
      Await.until("another logs", SOON, () -> hasAnotherStub(id, stub));
    }
    var ledger = new FaultLedger();
    new Persistence(ledger).insist("StopContainer", () -> pods.stopContainer(id, 60));
    assertThat(pods.awaitExit(id).getExitCode()).isEqualTo(9);
    new NumberedWriter(1, 1, "0", 9)
        .check(List.of(Path.of(pods.status(id).getLogPath())), "writer", ledger);
    assertThat(ledger.breaches()).isEmpty();
  }

  private boolean hasAnotherStub(String id, StubProcess killed) {
    return StubProcess.of(node).stream()
        .anyMatch(stub -> stub.pid() != killed.pid() && stub.containerId().equals(Optional.of(id)));
  }

  @Test
  void containerWhoseShimDoesNotComeUpRunsOn() throws IOException {
    String id = pods.launch(pod, config, Pods.shell("main", image, "exec sleep 1000"));
    ContainerStatus before = pods.status(id);
    Path recorded = node.shimDirectory().resolve("boot_id");
    String bootId = Files.readString(recorded);
    Files.delete(recorded);
    Files.createDirectory(recorded); // no shim can start as long as it cannot be read
    node.shim().orElseThrow().destroyForcibly();
    Await.until("berthd has noticed", SOON, () -> node.berthdLog().contains("does not come up"));
    assertThat(pods.status(id)).isEqualTo(before);
    Files.delete(recorded);
    Files.writeString(recorded, bootId);
    var answer =
        new Persistence(new FaultLedger())
            .insist("ExecSync", () -> pods.exec(id, 10, "echo", "still here"));
    assertThat(answer.getStdout().toStringUtf8()).isEqualTo("still here\n");
    assertThat(pods.status(id)).isEqualTo(before);
  }

  @Test
  void containerIsAskedToEndOnceItsKilledShimIsBack() throws IOException {
    String id = pods.launch(pod, config, Pods.shell("writer", image, WRITE_UNTIL_TOLD));
    ProcessHandle shim = node.shim().orElseThrow();
    shim.destroyForcibly();
    Await.until("the shim is gone", SOON, () -> !shim.isAlive());
    new Persistence(new FaultLedger()).insist("StopContainer", () -> pods.stopContainer(id, 60));
    assertThat(pods.status(id).getExitCode()).isEqualTo(9);
  }

  @Test
  void startGoesOnAtTheNextShim() throws Exception {
    String id = pods.create(pod, config, Pods.shell("main", image, "exec sleep 1000"));
    ProcessHandle shim = node.shim().orElseThrow();
    Signal.send("STOP", shim.pid());
    CompletableFuture<Void> start = CompletableFuture.runAsync(() -> pods.start(id));
    Await.until(
        "the shim is asked",
        SOON,
        () ->
            node.operations().stream()
                .anyMatch(one ->
                    one.getVerb().equals("StartContainer") && one.getStage().equals("task")));
    Signal.send("KILL", shim.pid());
    start.get(30, TimeUnit.SECONDS);
    assertThat(pods.status(id).getState()).isEqualTo(ContainerState.CONTAINER_RUNNING);
    assertThat(pods.exec(id, 10, "echo", "here").getStdout().toStringUtf8()).isEqualTo("here\n");
  }

  /** Each of these shims is killed while it is asked for what it has. */
  @Test
  void podWithAPauseOutlivesShimsThatDieOneAfterTheOther() throws IOException {
    PodSandboxConfig shared = pods.configWithPause("paused");
    String paused = pods.run(shared);
    for (int round = 0; round < 4; round++) {
      Await.until("a shim is there", SOON, () -> node.shim().isPresent());
      ProcessHandle shim = node.shim().orElseThrow();
      shim.destroyForcibly();
      Await.until("the shim is gone", SOON, () -> !shim.isAlive());
    }
    var persistence = new Persistence(new FaultLedger());
    String id =
        persistence.insist(
            "CreateContainer",
            () -> pods.create(paused, shared, Pods.shell("main", image, "exec sleep 1000")));
    persistence.insist("StartContainer", () -> pods.start(id));
    assertThat(pods.status(id).getState()).isEqualTo(ContainerState.CONTAINER_RUNNING);
    assertThat(
            node.runtime()
                .podSandboxStatus(
                    PodSandboxStatusRequest.newBuilder().setPodSandboxId(paused).build())
                .getStatus()
                .getState())
        .isEqualTo(PodSandboxState.SANDBOX_READY);
  }

  @Test
  void gracefulStopLeavesContainersRunning() throws IOException {
    String id = pods.launch(pod, config, Pods.shell("main", image, "sleep 1000"));
    assertThat(node.terminate()).isZero();
    assertThat(node.socket()).doesNotExist();
    node.start();
    assertThat(pods.status(id).getState()).isEqualTo(ContainerState.CONTAINER_RUNNING);
  }

  private void assertLogIsComplete(String id) throws IOException {
    List<String> expected = IntStream.range(0, LINES).mapToObj(i -> "line-" + i).toList();
    assertThat(pods.logText(id, "stdout")).isEqualTo(expected);
  }
}
