package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.runtime.kernel.Processes;
import dev.berth.testing.Await;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Containers of Berth's shim do not depend on it. */
final class BerthShimRecoveryTest extends RecoveryContract {
  private static final Pattern PID = Pattern.compile("\"pid\":(\\d+)");

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
  void allIsListedAsRecordedWhileTheShimDoesNotAnswer() throws Exception {
    SandboxStatus pod = node.run(node.podWithPause("web"));
    ContainerStatus running = node.start(pod, node.container("running", "/bin/sleep", "1000"));
    ContainerStatus created = node.create(pod, node.container("created", "/bin/sleep", "1000"));
    String ended = node.start(pod, node.container("ended", "/bin/sh", "-c", "exit 3")).id();
    ContainerState.Exited exited = awaitExited(ended);
    ProcessHandle shim = node.shimOf(running);
    node.shutDown();
    signal("-STOP", shim);
    try (ExecutorService caller = Executors.newSingleThreadExecutor()) {
      Future<?> started;
      try {
        node.open();
        assertThat(node.sandboxes().status(pod.id())).isEqualTo(pod);
        assertThat(node.containers().status(running.id())).isEqualTo(running);
        assertThat(node.containers().status(created.id())).isEqualTo(created);
        assertThat(node.containers().status(ended).state()).isEqualTo(exited);
        Operation start = TestNode.operation("StartContainer");
        started = caller.submit(() -> node.containers().start(created.id(), start));
      } finally {
        signal("-CONT", shim);
      }
      Object _ = started.get();
    }
    assertThat(node.exec(created.id(), "hostname")).isEqualTo("web\n");
    assertThat(node.containers().status(running.id())).isEqualTo(running);
    node.containers().stop(created.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    assertThat(awaitExited(created.id()).exitCode()).isEqualTo(137);
    node.containers().remove(ended, TestNode.operation("RemoveContainer"));
    assertThat(node.sandboxes().status(pod.id())).isEqualTo(pod);
    node.remove(pod);
    node.assertNothingLeft();
  }

  /** Whoever saw it would take it for the one that was to be created. */
  @Test
  void aContainerThatWasNeverMadeToTheEndIsNotListed() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus running = node.start(pod, node.container("running", "/bin/sleep", "1000"));
    ContainerStatus begun = node.create(pod, node.container("begun", "/bin/sleep", "1000"));
    node.shutDown();
    node.killShims();
    Path task = taskDirectory(begun.id());
    Matcher pid = PID.matcher(Files.readString(task.resolve("task.json")));
    assertThat(pid.find()).isTrue();
    ProcessHandle process = ProcessHandle.of(Long.parseLong(pid.group(1))).orElseThrow();
    hide(List.of(task));
    process.destroyForcibly();
    Await.until("its process is gone", LIMIT, () -> !process.isAlive());

    node.open();
    assertThat(node.containers().list(ContainerFilter.ALL))
        .extracting(ContainerStatus::id)
        .containsExactly(running.id());
    ContainerStatus again = node.create(pod, node.container("other", "/bin/sleep", "1000"));
    assertThat(node.containers().list(ContainerFilter.ALL))
        .extracting(ContainerStatus::id)
        .containsExactly(again.id(), running.id());
    AtomicFiles.deleteTree(hidden(task));
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aPauseThatEndsBehindAFrozenShimIsMissed() throws Exception {
    SandboxStatus pod = node.run(node.podWithPause("web"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    ProcessHandle shim = node.shimOf(container);
    node.shutDown();
    signal("-STOP", shim);
    try {
      node.open();
      assertThat(node.sandboxes().status(pod.id()).isReady()).isTrue();
      node.killPause(pod);
    } finally {
      signal("-CONT", shim);
    }
    Await.until("the pod is not ready", LIMIT, () -> !node.sandboxes().status(pod.id()).isReady());
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aContainerIsNotOverBecauseItsShimDoesNotKnowIt() throws Exception {
    SandboxStatus pod = node.run(node.podWithPause("web"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    List<Path> tasks = List.of(taskDirectory(container.id()), taskDirectory(pod.id()));
    hide(tasks);
    node.killShims();
    awaitDenied(container);
    assertThat(node.containers().status(container.id())).isEqualTo(container);
    assertThat(node.sandboxes().status(pod.id())).isEqualTo(pod);
    show(tasks);
    node.killShims();
    Await.until("a shim has the container", LIMIT, () -> answers(container));
    assertThat(node.containers().status(container.id())).isEqualTo(container);
    assertThat(node.sandboxes().status(pod.id())).isEqualTo(pod);
    node.containers().stop(container.id(), Duration.ZERO, TestNode.operation("StopContainer"));
    assertThat(awaitExited(container.id()).exitCode()).isEqualTo(137);
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aContainerThatItsShimDoesNotKnowForLongIsEnded() throws Exception {
    SandboxStatus pod = node.run(node.pod("web"));
    ContainerStatus container = node.start(pod, node.container("main", "/bin/sleep", "1000"));
    List<Path> task = List.of(taskDirectory(container.id()));
    hide(task);
    node.killShims();
    assertThat(awaitExited(container.id()).exitCode()).isEqualTo(137);
    assertThat(ProcessHandle.of(((ContainerState.Running) container.state()).pid())).isEmpty();
    show(task);
    AtomicFiles.deleteTree(task.getFirst());
    node.remove(pod);
    node.assertNothingLeft();
  }

  private Path taskDirectory(String id) throws Exception {
    try (Stream<Path> shims = Files.list(directory.resolve("run/shim"))) {
      return shims
          .map(shim -> shim.resolve("tasks").resolve(id))
          .filter(Files::isDirectory)
          .findFirst()
          .orElseThrow();
    }
  }

  /** As if the shim had lost them; where they are hidden it does not look. */
  private void hide(List<Path> tasks) throws Exception {
    for (Path task : tasks) {
      Files.move(task, hidden(task));
    }
  }

  private void show(List<Path> tasks) throws Exception {
    for (Path task : tasks) {
      Files.move(hidden(task), task);
    }
  }

  private Path hidden(Path task) {
    return directory.resolve("hidden-" + task.getFileName());
  }

  private void awaitDenied(ContainerStatus container) {
    Await.until(
        "a shim says that it does not know the container",
        LIMIT,
        () -> {
          try {
            return node.exec(container.id(), "hostname").isEmpty();
          } catch (BerthException e) {
            return e.kind() == BerthException.Kind.NOT_FOUND;
          }
        });
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
}
