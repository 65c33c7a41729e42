package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.testing.Await;
import java.time.Duration;
import org.junit.jupiter.api.Test;

/** The shim of runc is the parent of its containers: they end with it. */
final class RuncShimRecoveryTest extends RecoveryContract {
  RuncShimRecoveryTest() {
    super("runc");
  }

  @Test
  void aContainerWhoseShimWasKilledHasExited() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    node.shimOf(container).destroyForcibly();
    assertThat(awaitExited(container.id()).exitCode()).isEqualTo(137);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aShimThatDiedWhileNobodyLookedIsCleanedUpAfter() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    ProcessHandle shim = node.shimOf(container);
    node.shutDown();
    shim.destroyForcibly();
    Await.until("the shim is gone", LIMIT, () -> !shim.isAlive());
    node.open();
    awaitExited(container.id());
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aContainerKeepsItsStateUntilItsFrozenShimAnswers() throws Exception {
    SandboxStatus pod = node.run(node.podWithPause("web"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    ContainerStatus created = node.create(pod, node.container("created", "/bin/sleep", "1000"));
    ProcessHandle shim = node.shimOf(container);
    ProcessHandle other = node.shimOf(created);
    node.shutDown();
    node.shimLimit = Duration.ofSeconds(1); // so that it is asked more than once
    signal("-STOP", shim);
    signal("-STOP", other);
    try {
      node.open();
      assertThat(node.containers().status(created.id())).isEqualTo(created);
      assertThat(node.sandboxes().status(pod.id())).isEqualTo(pod);
      long frozen = System.nanoTime();
      Await.until(
          "it was asked in vain",
          LIMIT,
          () ->
              !node.containers().status(container.id()).equals(container)
                  || System.nanoTime() - frozen > Duration.ofSeconds(3).toNanos());
      assertThat(node.containers().status(container.id())).isEqualTo(container);
    } finally {
      signal("-CONT", shim);
      signal("-CONT", other);
    }
    assertThat(node.exec(container.id(), "hostname")).isEqualTo("web\n");
    node.containers().stop(container.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    assertThat(awaitExited(container.id()).exitCode()).isEqualTo(137);
    node.remove(pod);
    node.assertNothingLeft();
  }
}
