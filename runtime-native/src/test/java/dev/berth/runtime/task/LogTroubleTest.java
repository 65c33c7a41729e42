package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.AtomicFiles;
import dev.berth.runtime.plan.Rootfs;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What is wrong with a log or with the output never holds a container up. */
@RequiresRoot
class LogTroubleTest {
  private static final Pattern MARKER =
      Pattern.compile("berth: 0*(\\d+) bytes of output dropped: the log could not be written");

  private TaskFixture fixture;
  private Path small;
  private Path volume;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    small = Files.createDirectory(fixture.base.resolve("small"));
    volume = Files.createDirectory(fixture.base.resolve("volume"));
  }

  @AfterEach
  void close() throws Exception {
    if (mounted()) {
      run("umount", "-l", small.toString());
    }
    fixture.close();
  }

  /** What fits is logged, the rest counted, and a line says so as soon as there is room again. */
  @Test
  void fullDiskCostsLinesButNoTime() throws Exception {
    mountSmall("24m"); // what waits for the log, a megabyte, is many times that as log lines
    Path log = small.resolve("log");
    int lines = 500_000;
    String script = "seq 1 " + lines + "; touch /volume/written; " + waitFor("go") + "echo end";
    try (Task task = fixture.create("c", spec(script), new TaskIo.Log(log))) {
      fill(small.resolve("filler"), 23 << 20);
      task.start();
      awaitFile("written");
      long kept = logged(log).stream().filter(line -> line.stream().equals("stdout")).count();
      assertThat(kept).isBetween(1L, (long) lines - 1);
      Files.delete(small.resolve("filler"));
      Await.until(
          "the marker line comes without any other output",
          TaskFixture.LIMIT,
          () -> Files.readString(log, StandardCharsets.ISO_8859_1).contains("bytes of output"));
      Files.createFile(volume.resolve("go"));
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isZero();
    }
    assertAccounted(lines, logged(log));
  }

  /** State directory and log share a full file system, so that there is no room for the spool. */
  @Test
  void fullDiskForStateAndLogHoldsNothingUp() throws Exception {
    mountSmall("1m");
    Path log = small.resolve("log");
    int lines = 500_000;
    String script = waitFor("go") + "seq 1 " + lines + "; exit 3";
    try (Tasks tasks = tasksOn(small.resolve("state"));
        Task task =
            tasks.create(
                new TaskSpec(
                    "c",
                    fixture.base,
                    spec(script),
                    new Rootfs.Directory(fixture.rootfs.toString()),
                    new TaskIo.Log(log)))) {
      task.start();
      fill(small.resolve("filler"), 1 << 20);
      Files.createFile(volume.resolve("go"));
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(3);
      Files.delete(small.resolve("filler"));
      task.delete();
    }
    assertThat(logged(log).size()).isLessThan(lines);
  }

  /** Output that always ends in mid-line must not pile up on the state's file system. */
  @Test
  void spoolOfABusyContainerStaysSmall() throws Exception {
    mountSmall("8m");
    int lines = 6_000_000;
    try (Tasks tasks = tasksOn(small.resolve("state"));
        Task task =
            tasks.create(
                new TaskSpec(
                    "c",
                    fixture.base,
                    spec("seq 1 " + lines),
                    new Rootfs.Directory(fixture.rootfs.toString()),
                    new TaskIo.Log(fixture.log())))) {
      long start = System.nanoTime();
      task.start();
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isZero();
      double seconds = (System.nanoTime() - start) / 1e9;
      System.out.printf(
          "log: %d lines in %.2f s, %.0f MB/s of log%n",
          lines, seconds, Files.size(fixture.log()) / seconds / 1e6);
      task.delete();
    }
    try (var logged = Files.lines(fixture.log(), StandardCharsets.ISO_8859_1)) {
      long[] next = {0};
      assertThat(logged.filter(line -> !line.endsWith(" stdout F " + ++next[0])).findFirst())
          .isEmpty();
      assertThat(next[0]).isEqualTo(lines);
    }
  }

  @Test
  void logDirectoryMayGoAndComeBack() throws Exception {
    Path directory = Files.createDirectory(fixture.base.resolve("logs"));
    Path log = directory.resolve("0.log");
    String script = "seq 1 1000; touch /volume/written; " + waitFor("go") + "echo again; exit 4";
    try (Task task = fixture.create("c", spec(script), new TaskIo.Log(log))) {
      AtomicFiles.deleteTree(directory);
      task.start();
      awaitFile("written");
      assertThatThrownBy(() -> task.reopenLog(log)).hasMessageContaining("ENOENT");
      assertThat(task.state()).isEqualTo(Task.State.RUNNING);
      Files.createDirectory(directory);
      task.reopenLog(log);
      Files.createFile(volume.resolve("go"));
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(4);
    }
    assertThat(CriLog.read(log).content()).endsWith("again\n");
  }

  /** The successor of a killed stub finds no directory for its log: the container is followed. */
  @Test
  void stubIsReplacedWithoutALogDirectory() throws Exception {
    Path directory = Files.createDirectory(fixture.base.resolve("logs"));
    Path log = directory.resolve("0.log");
    try (Task task =
        fixture.create("c", spec(waitFor("go") + "seq 1 500000; exit 4"), new TaskIo.Log(log))) {
      task.start();
      AtomicFiles.deleteTree(directory);
      for (int pid : HostState.childrenNamed("berth-init")) {
        run("kill", "-9", Integer.toString(pid));
      }
      Files.createFile(volume.resolve("go"));
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(4);
    }
  }

  @Test
  void withoutALogOutputIsDropped() throws Exception {
    Path log = fixture.base.resolve("later.log");
    String script =
        waitFor("go") + "seq 1 500000; touch /volume/written; " + waitFor("back") + "echo seen";
    try (Task task = fixture.create("c", spec(script))) {
      task.start();
      task.control(StubMessage.of(StubMessage.Kind.REOPEN_LOG), List.of());
      Files.createFile(volume.resolve("go"));
      awaitFile("written");
      task.reopenLog(log);
      Files.createFile(volume.resolve("back"));
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
    }
    assertThat(fixture.log()).isEmptyFile();
    assertThat(CriLog.read(log).content()).endsWith("seen\n");
  }

  @Test
  void lineOfAMegabyteComesInPieces() throws IOException {
    RuntimeSpec spec = spec("head -c 1048576 /dev/zero | tr '\\0' x");
    assertThat(fixture.run(spec)).isEqualTo("x".repeat(1 << 20) + "exit 0\n");
    RuntimeSpec ended = spec("head -c 1048575 /dev/zero | tr '\\0' x; echo");
    assertThat(fixture.run(ended)).isEqualTo("x".repeat((1 << 20) - 1) + "\nexit 0\n");
  }

  @Test
  void binaryOutputIsLoggedByteForByte() throws IOException {
    String busybox =
        Files.readString(fixture.rootfs.resolve("bin/busybox"), StandardCharsets.ISO_8859_1);
    assertThat(fixture.run(spec("cat /bin/busybox")).equals(busybox + "exit 0\n"))
        .as("log has the bytes of the file")
        .isTrue();
  }

  @Test
  void manySmallWritesMakeOneLine() throws IOException {
    int writes = 20_000;
    RuntimeSpec spec =
        spec("i=0; while [ $i -lt " + writes + " ]; do printf x; i=$((i+1)); done; echo");
    assertThat(fixture.run(spec)).isEqualTo("x".repeat(writes) + "\nexit 0\n");
  }

  /** Two streams at once: each keeps its order. */
  @Test
  void streamsDoNotMix() throws IOException {
    try (Task task = fixture.create("c", spec("seq 1 100000 >&2 & seq 1 100000; wait"))) {
      task.start();
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
    }
    for (String stream : List.of("stdout", "stderr")) {
      List<String> lines =
          logged(fixture.log()).stream()
              .filter(line -> line.stream().equals(stream))
              .map(CriLog.Line::content)
              .toList();
      assertThat(lines).hasSize(100_000);
      assertThat(lines.getLast()).isEqualTo("100000");
    }
  }

  /** Without a PID namespace of its own a container leaves processes that write on. */
  @Test
  void whoWritesOnAfterTheEndDoesNotHoldUpTheExit() throws Exception {
    Linux shared =
        BusyboxBundle.linux()
            .namespaces(List.of(Namespace.fresh("mount"), Namespace.fresh("network")))
            .build();
    String script = "(echo $$ > /volume/none; yes) & echo $! > /volume/pid; exit 2";
    RuntimeSpec spec = fixture.spec(script).hostname(null).mounts(mounts()).linux(shared).build();
    try (Task task = fixture.create("c", spec)) {
      task.start();
      try {
        assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(2);
      } finally {
        run("kill", "-9", Files.readString(volume.resolve("pid")).trim());
      }
    }
  }

  // ---- helpers ----

  private List<Mount> mounts() {
    List<Mount> mounts = new ArrayList<>(BusyboxBundle.mounts());
    mounts.add(new Mount("/volume", "bind", volume.toString(), List.of("bind")));
    return mounts;
  }

  private RuntimeSpec spec(String script) {
    return fixture.spec(script).mounts(mounts()).build();
  }

  private static String waitFor(String file) {
    return "until test -e /volume/" + file + "; do sleep 0.01; done; ";
  }

  private void awaitFile(String name) {
    Await.until(name + " is there", TaskFixture.LIMIT, () -> Files.exists(volume.resolve(name)));
  }

  private Tasks tasksOn(Path state) {
    return new Tasks(state, fixture.program(), TaskFixture.CGROUPS);
  }

  private void mountSmall(String size) throws Exception {
    run("mount", "-t", "tmpfs", "-o", "size=" + size, "small", small.toString());
  }

  private boolean mounted() throws IOException {
    return Files.readString(Path.of("/proc/self/mounts")).contains(" " + small + " ");
  }

  /** As much as fits, at most. */
  private static void fill(Path file, int bytes) throws IOException {
    try (var out = Files.newOutputStream(file)) {
      for (int i = 0; i < bytes; i += 4096) {
        out.write(new byte[4096]);
      }
    } catch (IOException e) {
      assertThat(e).hasMessageContaining("No space left");
    }
  }

  private static List<CriLog.Line> logged(Path log) throws IOException {
    return CriLog.read(log).lines();
  }

  /** Logged and dropped bytes together are what was written; what is there is in order. */
  private static void assertAccounted(int lines, List<CriLog.Line> logged) {
    long dropped = 0;
    long bytes = 0;
    StringBuilder before = new StringBuilder();
    for (CriLog.Line line : logged) {
      Matcher marker = MARKER.matcher(line.content());
      if (line.stream().equals("stderr") && marker.matches()) {
        dropped += Long.parseLong(marker.group(1));
      } else {
        bytes += line.content().length() + (line.full() ? 1 : 0);
        before.append(line.content()).append(line.full() ? "\n" : "");
      }
    }
    assertThat(dropped).isPositive();
    assertThat(bytes + dropped).isEqualTo(written(lines) + "end\n".length());
    assertThat(before.indexOf("1\n2\n3\n")).isZero();
    assertThat(logged.getLast().content()).isEqualTo("end");
  }

  private static long written(int lines) {
    long bytes = 0;
    for (int i = 1; i <= lines; i++) {
      bytes += Integer.toString(i).length() + 1;
    }
    return bytes;
  }

  private static void run(String... command) throws IOException, InterruptedException {
    assertThat(new ProcessBuilder(command).inheritIO().start().waitFor())
        .as(String.join(" ", command))
        .isZero();
  }
}
