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
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Both JVMs can be killed at any moment: no container, log line or exit code is lost. */
@RequiresRoot
class RestartTest {
  private static final int LINES = 20_000;
  private static final String COUNT =
      "i=0; while [ $i -lt " + LINES + " ]; do echo line-$i; i=$((i+1)); done; exit 9";

  @TempDir private Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private Pods pods;
  private PodSandboxConfig config;
  private String pod;
  private String image;

  @BeforeEach
  void runAPod() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host);
    pods = new Pods(node);
    image = pods.pull(registry.busybox());
    config = pods.config("survivor");
    pod = pods.run(config);
  }

  @AfterEach
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
