package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Random;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** berth-init is killed while a container runs: no process, no byte and no exit code is lost. */
@RequiresRoot
class StubKillTest {
  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @Test
  void everyLineIsLoggedOnceInOrder() throws IOException {
    int lines = 200_000;
    try (Task task = fixture.create("c", fixture.spec(counting(lines) + "exit 5").build())) {
      task.start();
      int pid = task.pid();
      int kills = 0;
      while (kills < 20 && task.poll().isEmpty()) { // a busy machine may kill slower than it counts
        awaitGrowth(task);
        HostState.killStubs();
        kills++;
      }
      assertThat(kills).isGreaterThan(5);
      assertThat(task.pid()).isEqualTo(pid);
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(5);
    }
    assertCounted(lines, fixture.log());
  }

  /** Output waits for a berth-init that knows where it stopped. */
  @Test
  void journalOfAnotherReleaseIsNotTakenForAnEmptyOne() throws IOException {
    int lines = 200_000;
    try (Task task = fixture.create("c", fixture.spec(counting(lines) + "exit 5").build())) {
      task.start();
      awaitGrowth(task);
      Path journal = task.directory().journal();
      byte[] version = replace(journal, 4, new byte[] {99, 0, 0, 0});
      HostState.killStubs();
      Await.until("it is refused", TaskFixture.LIMIT, () -> isRefused(task));

      byte[] _ = replace(journal, 4, version);
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(5);
    }
    assertCounted(lines, fixture.log());
  }

  /** Whoever waits for the old stub's connection would wait for ever. */
  @Test
  void whoFollowsAProcessIsToldOfItsNewStub() throws IOException {
    try (Task task = fixture.create("c", fixture.spec("sleep 100").build())) {
      task.start();
      Fd before = task.exitSignal().orElseThrow();
      var told = new AtomicInteger();
      task.onSignalChange(told::incrementAndGet);
      HostState.killStubs();
      Await.until(
          "it is replaced", TaskFixture.LIMIT, () -> task.poll().isPresent() || told.get() > 0);

      assertThat(task.exitSignal()).isPresent().get().isNotEqualTo(before);
      assertThat(before.isOpen()).isFalse();
    }
  }

  /** The JVM was killed when it had said that it starts the process, and before it did. */
  @Test
  void startThatWasBegunIsCompleted() throws IOException {
    Task begun = fixture.create("c", fixture.spec("echo runs; exit 5").build());
    TaskRecord.read(begun.directory()).asStarted().write(begun.directory());
    begun.close();

    try (Task task = fixture.newTasks().adopt("c")) {
      assertThat(task.state()).isEqualTo(Task.State.RUNNING);
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(5);
      assertThat(CriLog.read(fixture.log()).lines()).hasSize(1);
    }
  }

  private static boolean isRefused(Task task) {
    try {
      assertThat(task.poll()).isEmpty();
      return false;
    } catch (BerthException e) {
      return true;
    }
  }

  /** Returns what stood there before. */
  private static byte[] replace(Path file, long at, byte[] bytes) throws IOException {
    try (var content = new RandomAccessFile(file.toFile(), "rw")) {
      byte[] before = new byte[bytes.length];
      content.seek(at);
      content.readFully(before);
      content.seek(at);
      content.write(bytes);
      return before;
    }
  }

  /** Blocks of the C library's buffer, which end anywhere in a line. */
  @Test
  void outputInBlocksIsLoggedOnceInOrder() throws IOException {
    int lines = 1_500_000;
    try (Task task = fixture.create("c", fixture.spec("seq 1 " + lines).build())) {
      task.start();
      for (int i = 0; i < 5; i++) {
        awaitGrowth(task);
        if (task.poll().isPresent()) {
          break;
        }
        HostState.killStubs();
      }
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isZero();
    }
    assertCounted(lines, fixture.log());
  }

  @Test
  void stubKilledAroundTheExitLosesNothing() throws IOException {
    int lines = 20_000;
    Random random = new Random(4);
    var others = HostState.childrenNamed("berth-init"); // of other tests in this JVM
    for (int i = 0; i < 40; i++) {
      try (Task task = fixture.create("c", fixture.spec("seq 1 " + lines + "; exit 7").build())) {
        task.start();
        LockSupport.parkNanos(random.nextInt(12_000_000)); // any moment of its short life
        HostState.killStubs();
        assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(7);
        task.delete();
      }
      assertCounted(lines, fixture.log());
      Files.delete(fixture.log());
    }
    assertThat(HostState.childrenNamed("sh")).as("zombies").isEmpty();
    assertThat(HostState.childrenNamed("berth-init")).isSubsetOf(others);
  }

  @Test
  void terminalGoesOnWithItsOutput() throws IOException {
    int lines = 30_000;
    RuntimeSpec spec =
        fixture
            .spec("")
            .process(
                BusyboxBundle.process("sh", "-c", counting(lines) + "exit 6")
                    .terminal(true)
                    .build())
            .build();
    try (Task task = fixture.create("c", spec)) {
      task.start();
      for (int i = 0; i < 5; i++) {
        awaitGrowth(task);
        HostState.killStubs();
        assertThat(task.poll()).as("after kill %d", i).isEmpty();
        task.resize(20 + i, 70);
      }
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(6);
    }
    assertCounted(lines, fixture.log());
  }

  /** The kubelet has renamed the log and not yet asked to reopen it. */
  @Test
  void stubKilledWithRotationInFlightGoesOnInTheRenamedFile() throws IOException {
    int lines = 200_000;
    List<Path> files = new ArrayList<>();
    try (Task task = fixture.create("c", fixture.spec(counting(lines)).build())) {
      task.start();
      for (int i = 0; i < 5; i++) {
        awaitGrowth(task);
        Path rotated = fixture.base.resolve("log.rotated" + i);
        Files.move(fixture.log(), rotated);
        files.add(rotated);
        HostState.killStubs();
        if (i % 2 == 0) { // noticed before the request, or by the request
          assertThat(task.poll()).isEmpty();
          awaitGrowth(task, rotated);
        }
        task.reopenLog(fixture.log());
      }
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isZero();
    }
    files.add(fixture.log());
    assertCounted(lines, files.toArray(Path[]::new));
  }

  @Test
  void stubKilledBeforeStartTakesTheProcessWithIt() throws IOException {
    try (Task task = fixture.create("c", fixture.spec("echo never").build())) {
      HostState.killStubs();
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().known()).isTrue();
      assertThat(task.state()).isEqualTo(Task.State.STOPPED);
      task.delete();
    }
    assertThat(fixture.log()).isEmptyFile();
  }

  @Test
  void stubOfAnExecIsReplacedToo() throws IOException {
    int lines = 50_000;
    Path log = fixture.base.resolve("exec.log");
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").build())) {
      List<Integer> others = HostState.childrenNamed("berth-init");
      task.start();
      TaskProcess exec =
          task.exec(
              new ExecSpec(
                  "e",
                  BusyboxBundle.process("sh", "-c", counting(lines) + "exit 8").build(),
                  new TaskIo.Pipes(null, null, null)));
      task.startExec(exec);
      List<Integer> stubs = new ArrayList<>(HostState.childrenNamed("berth-init"));
      stubs.removeAll(others);
      HostState.killStub(stubs.getFirst());
      assertThat(exec.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(8);
      assertThat(task.state()).isEqualTo(Task.State.RUNNING);
      assertThat(log).doesNotExist();
    }
  }

  /** The caller's FIFO; nobody but the stub has it open for writing. */
  @Test
  void closedInputOfACallerStaysClosedUnderASuccessor() throws Exception {
    Path in = fixture.base.resolve("in");
    assertThat(new ProcessBuilder("mkfifo", in.toString()).start().waitFor()).isZero();
    String script = "while [ ! -e /tmp/go ]; do sleep 0.01; done; cat; exit 9";
    try (Task task =
        fixture.create("c", fixture.spec(script).build(), new TaskIo.Pipes(in, null, null))) {
      task.start();
      task.closeStdin();
      HostState.killStubs();
      assertThat(task.poll()).isEmpty();
      Files.createFile(fixture.rootfs.resolve("tmp/go"));
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isEqualTo(9);
    }
  }

  /** Every line a write of its own. */
  private static String counting(int lines) {
    return "i=1; while [ $i -le " + lines + " ]; do echo $i; i=$((i+1)); done; ";
  }

  private void awaitGrowth(Task task) throws IOException {
    awaitGrowth(task, fixture.log());
  }

  private static void awaitGrowth(Task task, Path log) throws IOException {
    long before = Files.size(log);
    Await.until(
        "the log grows",
        TaskFixture.LIMIT,
        () -> Files.size(log) > before + 5000 || task.poll().isPresent());
  }

  private static void assertCounted(int lines, Path... files) throws IOException {
    List<CriLog.Line> logged = CriLog.read(files).lines();
    for (int i = 0; i < Math.min(lines, logged.size()); i++) {
      if (!logged.get(i).content().stripTrailing().equals(Integer.toString(i + 1))) {
        throw new AssertionError("line " + (i + 1) + " is " + logged.get(i));
      }
    }
    assertThat(logged).hasSize(lines);
  }
}
