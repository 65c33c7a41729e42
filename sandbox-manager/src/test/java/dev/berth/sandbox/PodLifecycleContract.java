package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
abstract class PodLifecycleContract {
  @TempDir Path directory;
  private TestNode node;

  private final String handler;

  PodLifecycleContract(String handler) {
    this.handler = handler;
  }

  @BeforeEach
  void open() throws Exception {
    node = new TestNode(directory, handler);
  }

  @AfterEach
  void close() throws Exception {
    node.close();
  }

  @Test
  void aPodRunsLogsExecsStopsAndLeavesNothing() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    assertThat(pod.isReady()).isTrue();
    assertThat(pod.ips()).hasSize(1);

    ContainerStatus container =
        node.start(
            pod, node.container("main", "/bin/sh", "-c", "echo hello; echo oops >&2; sleep 1000"));
    assertThat(container.state()).isInstanceOf(ContainerState.Running.class);
    Path log = directory.resolve("logs/web/main.log");
    Await.until(
        "both lines are in the log",
        Duration.ofSeconds(10),
        () -> Files.exists(log) && Files.readAllLines(log).size() == 2);
    assertThat(Files.readString(log)).contains("stdout F hello", "stderr F oops");

    assertThat(node.exec(container.id(), "hostname")).isEqualTo("web\n");
    assertThat(node.exec(container.id(), "ip", "addr"))
        .contains(pod.ips().getFirst())
        .contains("127.0.0.1");

    node.containers().stop(container.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    assertThat(node.containers().status(container.id()).state())
        .isInstanceOfSatisfying(
            ContainerState.Exited.class,
            exited -> {
              assertThat(exited.exitCode()).isEqualTo(137);
              assertThat(exited.reason()).isEqualTo(ExitReasons.ERROR);
            });

    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));
    node.sandboxes().stop(pod.id(), TestNode.operation("StopPodSandbox"));
    assertThat(node.sandboxes().status(pod.id()).isReady()).isFalse();
    assertThat(node.network.leases()).isEmpty();
    node.remove(pod);
    node.remove(pod);
    Await.until("nothing is left", Duration.ofSeconds(5), () -> node.leftovers().isEmpty());
  }

  @Test
  void whatCannotBeFoundIsNamed() {
    assertThatThrownBy(() -> node.sandboxes().status("nowhere"))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.NOT_FOUND));
    node.sandboxes().stop("nowhere", TestNode.operation("StopPodSandbox"));
    node.containers().remove("nowhere", TestNode.operation("RemoveContainer"));
    assertThat(node.containers().list(ContainerFilter.ALL)).isEqualTo(List.of());
  }
}
