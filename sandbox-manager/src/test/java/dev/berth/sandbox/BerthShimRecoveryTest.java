package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.runtime.kernel.Processes;
import dev.berth.testing.Await;
import java.nio.file.Files;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import org.junit.jupiter.api.Test;

/** Containers of Berth's shim do not depend on it. */
final class BerthShimRecoveryTest extends RecoveryContract {
  BerthShimRecoveryTest() {
    super("berth");
  }

  @Test
  void aContainerOutlivesItsShimAndItsExitArrives() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = startUntilGo(pod);
    ProcessHandle shim = node.shimOf(container);
    shim.destroyForcibly();
    Await.until("the shim is gone", LIMIT, () -> !shim.isAlive());
    Await.until("another shim has the container", LIMIT, () -> answers(container));
    assertThat(node.containers().status(container.id())).isEqualTo(container);
    node.exec(container.id(), "touch", "/dev/shm/go");
    assertThat(awaitExited(container.id()).exitCode()).isEqualTo(9);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aContainerOutlivesShimAndManager() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    ProcessHandle shim = node.shimOf(container);
    node.shutDown();
    shim.destroyForcibly();
    Await.until("the shim is gone", LIMIT, () -> !shim.isAlive());
    node.open();
    assertThat(node.containers().status(container.id())).isEqualTo(container);
    assertThat(node.exec(container.id(), "hostname")).isEqualTo("web\n");
    node.containers().stop(container.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    assertThat(awaitExited(container.id()).exitCode()).isEqualTo(137);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aContainerThatRunsIsListedWhileItsShimDoesNotAnswer() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    ProcessHandle shim = node.shimOf(container);
    node.shutDown();
    signal("-STOP", shim);
    try (ExecutorService caller = Executors.newSingleThreadExecutor()) {
      Future<String> hostname;
      try {
        node.open();
        assertThat(node.containers().status(container.id())).isEqualTo(container);
        hostname = caller.submit(() -> node.exec(container.id(), "hostname"));
      } finally {
        signal("-CONT", shim);
      }
      assertThat(hostname.get()).isEqualTo("web\n");
    }
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aContainerOutlivesManyShimsThatDieAsSoonAsTheyAnswer() throws Exception {
    SandboxStatus pod = node.run(node.podWithPause("web"));
    ContainerConfig.Builder config = node.container("main", "/bin/sleep", "1000");
    ContainerStatus container = node.start(pod, config);
    for (int i = 0; i < 3; i++) {
      Await.until("a shim has the container", LIMIT, () -> answers(container));
      ProcessHandle shim = node.shimOf(container);
      shim.destroyForcibly();
      Await.until("the shim is gone", LIMIT, () -> !shim.isAlive());
    }
    Await.until("the last shim has the container", LIMIT, () -> answers(container));
    assertThat(node.containers().status(container.id())).isEqualTo(container);
    assertThat(node.sandboxes().status(pod.id())).isEqualTo(pod);
    node.containers().stop(container.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    assertThat(awaitExited(container.id()).exitCode()).isEqualTo(137);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void anExitCodeIsKnownThoughStubAndShimDiedBeforeTheyCouldTellIt() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = startUntilGo(pod);
    int pid = ((ContainerState.Running) container.state()).pid();
    ProcessHandle process = ProcessHandle.of(pid).orElseThrow();
    ProcessHandle stub = process.parent().orElseThrow();
    ProcessHandle shim = node.shimOf(container);
    signal("-STOP", shim);
    stub.destroyForcibly();
    Await.until("the stub is gone", LIMIT, () -> !process.parent().equals(Optional.of(stub)));
    Files.createFile(go(pod));
    Await.until("the program has ended", LIMIT, () -> Processes.isZombie(pid));
    shim.destroyForcibly();
    assertThat(awaitExited(container.id()))
        .satisfies(exited -> assertThat(exited.exitCode()).isEqualTo(9))
        .satisfies(exited -> assertThat(exited.reason()).isEqualTo(ExitReasons.ERROR));
    node.remove(pod);
    node.assertNothingLeft();
  }

  private boolean answers(ContainerStatus container) throws Exception {
    try {
      return node.exec(container.id(), "hostname").equals("web\n");
    } catch (BerthException e) {
      return false;
    }
  }

  private static void signal(String signal, ProcessHandle process) throws Exception {
    assertThat(new ProcessBuilder("kill", signal, "" + process.pid()).start().waitFor()).isZero();
  }
}
