package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.berth.testing.Await;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SpawnerTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static Fd busybox;

  @TempDir Path directory;

  @BeforeAll
  static void seal() {
    busybox = SealedProgram.copyOf(Path.of("/bin/busybox"));
  }

  @AfterAll
  static void close() {
    busybox.close();
  }

  @Test
  void exitCodeAndOutputArrive() throws IOException {
    Run run = run("echo hello; exit 7", Map.of());
    assertThat(run.output).isEqualTo("hello\n");
    assertThat(run.status).isEqualTo(new ExitStatus.Exited(7));
  }

  @Test
  void environmentIsExactlyTheOneGiven() throws IOException {
    Fd out = output();
    Spawner.Child child =
        Spawner.of(busybox, List.of("env"))
            .environment(Map.of("ONLY", "this one"))
            .descriptor(1, out)
            .spawn();
    reap(child);
    assertThat(content(out)).isEqualTo("ONLY=this one\n");
  }

  @Test
  void noDescriptorOfTheJvmLeaks() throws IOException {
    List<AutoCloseable> opened = new ArrayList<>();
    try {
      for (int i = 0; i < 50; i++) { // Java opens these without close-on-exec
        opened.add(new RandomAccessFile("/dev/null", "r"));
      }
      Fd out = output();
      Spawner.Child child =
          Spawner.of(busybox, List.of("ls", "-1", "/proc/self/fd"))
              .descriptor(1, out)
              .descriptor(6, busybox)
              .spawn();
      reap(child);
      // 6 was given, 7 is the program itself, 3 is what ls opened.
      assertThat(content(out).lines()).containsExactlyInAnyOrder("0", "1", "2", "3", "6", "7");
    } finally {
      for (AutoCloseable one : opened) {
        closeQuietly(one);
      }
    }
  }

  @Test
  void signalsAreUnblockedAndAtTheirDefaults() throws IOException {
    Fd out = output(); // without a shell between: that ignores signals of its own
    Spawner.Child child =
        Spawner.of(busybox, List.of("grep", "-E", "Sig(Blk|Ign|Cgt)", "/proc/self/status"))
            .descriptor(1, out)
            .spawn();
    reap(child);
    assertThat(content(out).lines().map(line -> line.replaceAll("\\s+", " ")))
        .containsExactly(
            "SigBlk: 0000000000000000", "SigIgn: 0000000000000000", "SigCgt: 0000000000000000");
  }

  @Test
  void aProcessGroupIsKilledAsAWhole() throws IOException {
    Fd out = output();
    Spawner.Child child =
        Spawner.of(busybox, List.of("sh", "-c", "sleep 1000 & echo $!; wait"))
            .descriptor(1, out)
            .ownProcessGroup()
            .spawn();
    Await.until(
        "the grandchild runs",
        Duration.ofSeconds(5),
        () -> Descriptors.readAt(out, 0, 9).length > 1);
    int grandchild = Integer.parseInt(content(out).strip());
    Processes.killGroup(child);
    assertThat(reap(child)).isEqualTo(new ExitStatus.Signaled(9, false));
    Await.until(
        "the grandchild is gone",
        Duration.ofSeconds(5),
        () -> Processes.startTime(grandchild).isEmpty() || Processes.isZombie(grandchild));
  }

  @Test
  void targetsThatAreAlsoSourcesDoNotCollide() throws IOException {
    Fd first = output();
    Fd second = output();
    // Numbers above all targets cannot collide with any.
    assumeThat(second.number()).isLessThan(256);
    // Whatever numbers they have, each becomes the other's.
    Spawner.Child child =
        Spawner.of(
                busybox,
                List.of(
                    "sh", "-c", "echo one >&" + second.number() + "; echo two >&" + first.number()))
            .descriptor(second.number(), first)
            .descriptor(first.number(), second)
            .spawn();
    reap(child);
    assertThat(content(first)).isEqualTo("one\n");
    assertThat(content(second)).isEqualTo("two\n");
  }

  @Test
  void signalThatKillsIsReported() {
    Spawner.Child child = Spawner.of(busybox, List.of("sleep", "100")).spawn();
    try (Fd pidfd = child.pidfd()) {
      assertThat(Processes.reap(pidfd)).isEmpty();
      assertThat(Processes.waitFor(pidfd, Duration.ofMillis(20))).isEmpty();
      assertThat(Processes.signal(pidfd, 9)).isTrue();
      assertThat(Processes.waitFor(pidfd, LIMIT))
          .contains(new ExitStatus.Signaled(9, false))
          .get()
          .extracting(ExitStatus::shellCode)
          .isEqualTo(137);
      assertThat(Processes.signal(pidfd, 9)).isFalse();
    }
  }

  @Test
  void whatIsNoProgramFailsAtSpawn() {
    try (Fd text = SealedProgram.copyOf(Path.of("/etc/hostname"))) {
      assertThatThrownBy(() -> Spawner.of(text, List.of("x")).spawn())
          .isInstanceOf(NativeException.class)
          .hasMessage("posix_spawn x: ENOEXEC (exec format error)");
    }
  }

  @Test
  void aSealedProgramCannotBeWritten() throws IOException {
    Path running;
    Spawner.Child child = Spawner.of(busybox, List.of("sleep", "100")).spawn();
    try (Fd pidfd = child.pidfd()) {
      running = Path.of("/proc/" + child.pid() + "/exe");
      byte[] before = Files.readAllBytes(running);
      assertThatThrownBy(() -> Descriptors.open(running, OpenFlag.WRITE))
          .isInstanceOf(NativeException.class);
      assertThatThrownBy(() -> Descriptors.write(busybox, new byte[] {1}))
          .isInstanceOf(NativeException.class);
      assertThat(Files.readAllBytes(running)).isEqualTo(before);
      Processes.signal(pidfd, 9);
      Processes.waitFor(pidfd, LIMIT);
    }
    // Neither can it be opened for writing when nothing executes it.
    assertThatThrownBy(
            () -> {
              try (Fd again = Descriptors.reopen(busybox, OpenFlag.READ_WRITE)) {
                Descriptors.write(again, new byte[] {1});
              }
            })
        .isInstanceOf(NativeException.class);
  }

  @Test
  void spawningLeavesNoDescriptorBehindAndIsQuick() {
    int rounds = 500;
    long[] micros = new long[rounds];
    run("true", rounds / 5, new long[rounds]);
    List<String> before = OpenDescriptors.snapshot();
    run("true", rounds, micros);
    assertThat(OpenDescriptors.snapshot()).isEqualTo(before);
    Arrays.sort(micros);
    System.out.printf(
        "posix_spawn of a sealed program: p50 %d us, p99 %d us%n",
        micros[rounds / 2], micros[rounds * 99 / 100]);
  }

  private static void run(String applet, int rounds, long[] micros) {
    for (int i = 0; i < rounds; i++) {
      long start = System.nanoTime();
      Spawner.Child child = Spawner.of(busybox, List.of(applet)).spawn();
      micros[i] = (System.nanoTime() - start) / 1000;
      reap(child);
    }
  }

  private record Run(String output, ExitStatus status) {}

  private Run run(String script, Map<String, String> environment) throws IOException {
    Fd out = output();
    Spawner.Child child =
        Spawner.of(busybox, List.of("sh", "-c", script))
            .environment(environment)
            .descriptor(1, out)
            .spawn();
    ExitStatus status = reap(child);
    return new Run(content(out), status);
  }

  private Fd output() throws IOException {
    Path file = Files.createTempFile(directory, "out", "");
    return Descriptors.open(file, OpenFlag.READ_WRITE);
  }

  private static String content(Fd file) {
    try (file) {
      return new String(Descriptors.readAt(file, 0, 65536), StandardCharsets.UTF_8);
    }
  }

  private static ExitStatus reap(Spawner.Child child) {
    try (Fd pidfd = child.pidfd()) {
      return Processes.waitFor(pidfd, LIMIT).orElseThrow();
    }
  }

  private static void closeQuietly(AutoCloseable resource) {
    try {
      resource.close();
    } catch (Exception e) {
      throw new AssertionError(e);
    }
  }
}
