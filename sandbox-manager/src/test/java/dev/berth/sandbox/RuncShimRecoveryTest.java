package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.testing.Await;
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
}
