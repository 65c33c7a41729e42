package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.testing.Await;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ProcessesTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir Path directory;

  @Test
  void thereIsNoPidfdOfWhatIsGone() {
    int pid = spawnAndReap(0);
    assertThat(Processes.open(pid)).isEmpty();
    assertThat(Processes.startTime(pid)).isEmpty();
  }

  @Test
  void exitCodeCanBeAskedAfterTheParentReaped() {
    try (Fd busybox = SealedProgram.copyOf(Path.of("/bin/busybox"))) {
      Spawner.Child child = Spawner.of(busybox, List.of("sh", "-c", "exit 9")).spawn();
      try (Fd parents = child.pidfd();
          Fd observers = Processes.open(child.pid()).orElseThrow()) {
        assertThat(Processes.awaitExit(observers, LIMIT)).isTrue();
        assertThat(Processes.exitStatus(observers)).isEmpty(); // a zombie until it is reaped
        assertThat(Processes.isZombie(child.pid())).isTrue();
        assertThat(Processes.reap(parents)).contains(new ExitStatus.Exited(9));
        assertThat(Processes.exitStatus(observers)).contains(new ExitStatus.Exited(9));
        assertThatThrownBy(() -> Processes.reap(parents))
            .isInstanceOf(NativeException.class)
            .satisfies(e -> assertThat(((NativeException) e).is(Errno.ECHILD)).isTrue());
      }
    }
  }

  @Test
  void startTimeTellsProcessesApart() {
    int self = (int) ProcessHandle.current().pid();
    long mine = Processes.startTime(self).orElseThrow();
    assertThat(Processes.startTime(self)).hasValue(mine);
    assertThat(Processes.startTime(1).orElseThrow()).isLessThan(mine);
  }

  @Test
  void orphansBecomeChildrenOfTheSubreaper() {
    Processes.becomeSubreaper();
    Path pidFile = directory.resolve("pid");
    try (Fd busybox = SealedProgram.copyOf(Path.of("/bin/busybox"))) {
      // The shell leaves a grandchild behind whose exit code only its new parent can learn.
      Spawner.Child child =
          Spawner.of(
                  busybox,
                  List.of(
                      "sh",
                      "-c",
                      "(read -t 30 line <>" + fifo("gate") + "; exit 5) & echo $! > " + pidFile))
              .spawn();
      try (Fd pidfd = child.pidfd()) {
        assertThat(Processes.waitFor(pidfd, LIMIT)).contains(new ExitStatus.Exited(0));
      }
      int orphan = Integer.parseInt(text(pidFile).strip());
      try (Fd pidfd = Processes.open(orphan).orElseThrow();
          DirFd dir = DirFd.open(directory);
          Fd gate = Fifos.open(dir.fd(), "gate")) {
        Descriptors.write(gate, "go\n".getBytes(StandardCharsets.UTF_8));
        assertThat(Processes.waitFor(pidfd, LIMIT)).contains(new ExitStatus.Exited(5));
      }
    }
  }

  @Test
  void waitStatusIsDecoded() {
    assertThat(ExitStatus.ofWaitStatus(9 << 8)).isEqualTo(new ExitStatus.Exited(9));
    assertThat(ExitStatus.ofWaitStatus(15)).isEqualTo(new ExitStatus.Signaled(15, false));
    assertThat(ExitStatus.ofWaitStatus(0x80 | 6)).isEqualTo(new ExitStatus.Signaled(6, true));
  }

  @Test
  void waitingOnAVirtualThreadLeavesItsCarrierFree() throws InterruptedException {
    // More waiters than carriers: were carriers pinned, the last of them could never start.
    int waiters = Runtime.getRuntime().availableProcessors() * 4;
    try (Fd busybox = SealedProgram.copyOf(Path.of("/bin/busybox"))) {
      Spawner.Child child = Spawner.of(busybox, List.of("sleep", "1000")).spawn();
      try (Fd pidfd = child.pidfd()) {
        List<Thread> threads =
            IntStream.range(0, waiters)
                .mapToObj(_ -> Thread.startVirtualThread(() -> Processes.awaitExit(pidfd, LIMIT)))
                .toList();
        Thread killer = Thread.startVirtualThread(() -> Processes.signal(pidfd, 9));
        killer.join(LIMIT);
        for (Thread thread : threads) {
          assertThat(thread.join(LIMIT)).isTrue();
        }
        assertThat(Processes.reap(pidfd)).contains(new ExitStatus.Signaled(9, false));
      }
    }
  }

  private Path fifo(String name) {
    try (DirFd dir = DirFd.open(directory)) {
      Fifos.create(dir.fd(), name, 0600, 0, 0);
    }
    return directory.resolve(name);
  }

  private static String text(Path file) {
    Await.until(file + " is written", LIMIT, () -> Files.size(file) > 0);
    try (Fd fd = Descriptors.open(file)) {
      return new String(Descriptors.readAt(fd, 0, 100), StandardCharsets.UTF_8);
    }
  }

  private static int spawnAndReap(int code) {
    try (Fd busybox = SealedProgram.copyOf(Path.of("/bin/busybox"))) {
      Spawner.Child child = Spawner.of(busybox, List.of("sh", "-c", "exit " + code)).spawn();
      try (Fd pidfd = child.pidfd()) {
        Processes.waitFor(pidfd, LIMIT);
      }
      return child.pid();
    }
  }
}
