package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatExceptionOfType;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** Clients come and go at a running process; neither it nor its log depends on them. */
@RequiresRoot
class AttachTest {
  private static final Duration LIMIT = TaskFixture.LIMIT;

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
  void everyClientSeesBothStreamsFromTheStartOn() throws Exception {
    int lines = 20_000;
    String script = "seq 1 " + lines + "; echo oops >&2; exit 3";
    try (Task task = fixture.create("c", fixture.spec(script).build());
        Attachment one = task.attach(AttachStreams.outputs());
        Attachment two = Attachment.open(task.controlDirectory(), AttachStreams.outputs())) {
      FutureTask<String> firstOut = readAll(one.stdout().orElseThrow());
      FutureTask<String> secondOut = readAll(two.stdout().orElseThrow());
      FutureTask<String> firstErr = readAll(one.stderr().orElseThrow());
      task.start();

      assertThat(task.await(LIMIT).orElseThrow().code()).isEqualTo(3);
      assertThat(get(firstOut).equals(counted(lines))).isTrue();
      assertThat(get(secondOut).equals(counted(lines))).isTrue();
      assertThat(get(firstErr)).isEqualTo("oops\n");
      assertThat(one.await(LIMIT)).contains(new Attachment.End.Exited());
      assertThat(two.await(LIMIT)).contains(new Attachment.End.Exited());
    }
    assertThat(CriLog.read(fixture.log()).lines()).hasSize(lines + 1);
  }

  @Test
  void clientThatDoesNotReadIsCutOffAndNothingElseSuffers() throws Exception {
    int lines = 1_000_000;
    try (Task task = fixture.create("c", fixture.spec("seq 1 " + lines).build());
        Attachment stuck = task.attach(AttachStreams.outputs());
        Attachment reader = task.attach(AttachStreams.outputs())) {
      FutureTask<String> read = readAll(reader.stdout().orElseThrow());
      task.start();

      assertThat(stuck.await(LIMIT)).containsInstanceOf(Attachment.End.CutOff.class);
      assertThat(task.await(LIMIT).orElseThrow().code()).isZero();
      assertThat(get(read).equals(counted(lines))).isTrue();
      assertThat(reader.await(LIMIT)).contains(new Attachment.End.Exited());
    }
    assertThat(CriLog.read(fixture.log()).lines()).hasSize(lines);
  }

  /** It holds the container up a little, as a pipeline would, and gets every byte. */
  @Test
  void clientThatReadsSlowlyButSteadilyIsKept() throws Exception {
    int lines = 1_000_000;
    try (Task task = fixture.create("c", fixture.spec("seq 1 " + lines).build());
        Attachment slow = task.attach(new AttachStreams(false, true, false))) {
      task.start();
      long read = 0;
      try (InputStream out = slow.stdout().orElseThrow()) {
        byte[] buffer = new byte[8192];
        for (int size; (size = out.read(buffer)) >= 0; read += size) {
          Thread.onSpinWait();
        }
      }
      assertThat(read).isEqualTo(counted(lines).length());
    }
  }

  @Test
  void endOfTheFirstInputIsTheEndOfInputThatIsGivenOnce() throws Exception {
    String text = "words\n".repeat(50_000);
    try (Task task = create("cat", new TaskIo.Input.Attached(true))) {
      task.start();
      // Whoever owns a task follows it, and so learns that its input is to be let go.
      FutureTask<TaskExit> exit = fork("follower", () -> task.await(LIMIT).orElseThrow());
      try (Attachment client = task.attach(AttachStreams.all())) {
        FutureTask<String> out = readAll(client.stdout().orElseThrow());
        write(client, text);
        client.stdin().orElseThrow().close();
        assertThat(get(out).equals(text)).isTrue();
        assertThat(client.await(LIMIT)).contains(new Attachment.End.Exited());
      }
      assertThat(get(exit).code()).isZero();
    }
    assertThat(CriLog.read(fixture.log()).lines()).hasSize(50_000);
  }

  /** A client that vanishes has given what it wrote, and only that. */
  @Test
  void vanishedClientEndsInputThatIsGivenOnce() throws Exception {
    try (Task task = create("cat", new TaskIo.Input.Attached(true))) {
      task.start();
      Attachment client = task.attach(AttachStreams.all());
      write(client, "last words\n");
      client.close();

      assertThat(task.await(LIMIT).orElseThrow().code()).isZero();
    }
    assertThat(CriLog.read(fixture.log()).content()).isEqualTo("last words\n");
  }

  @Test
  void inputGoesOnFromClientToClientUntilItIsClosed() throws Exception {
    try (Task task = create("cat", new TaskIo.Input.Attached(false))) {
      task.start();
      for (String word : List.of("one\n", "two\n")) {
        try (Attachment client = task.attach(AttachStreams.all())) {
          write(client, word);
          assertThat(line(client.stdout().orElseThrow()) + "\n").isEqualTo(word);
        }
      }
      assertThat(task.poll()).isEmpty();
      task.closeStdin();
      assertThat(task.await(LIMIT).orElseThrow().code()).isZero();
    }
    assertThat(CriLog.read(fixture.log()).content()).isEqualTo("one\ntwo\n");
  }

  @Test
  void terminalIsTypedOnAndResized() throws Exception {
    RuntimeSpec spec =
        fixture
            .spec("")
            .process(
                BusyboxBundle.process("sh", "-c", "read x; stty size; echo got $x")
                    .terminal(true)
                    .build())
            .build();
    try (Task task =
            fixture.create(
                "c", spec, new TaskIo.Log(fixture.log(), new TaskIo.Input.Attached(true)));
        Attachment client = task.attach(new AttachStreams(true, true, false))) {
      FutureTask<String> out = readAll(client.stdout().orElseThrow());
      task.start();
      client.resize(33, 77);
      write(client, "tea\n");
      assertThat(task.await(LIMIT).orElseThrow().code()).isZero();
      assertThat(get(out)).isEqualTo("tea\r\n33 77\r\ngot tea\r\n");
    }
  }

  @Test
  void attachWorksAfterTheShimWasReplaced() throws Exception {
    create("cat", new TaskIo.Input.Attached(true)).close(); // what a killed JVM leaves
    try (Task task = fixture.newTasks().adopt("c")) {
      task.start();
      try (Attachment client = task.attach(AttachStreams.all())) {
        write(client, "hello\n");
        assertThat(line(client.stdout().orElseThrow())).isEqualTo("hello");
      }
      assertThat(task.await(LIMIT).orElseThrow().code()).isZero();
    }
  }

  @Test
  void killedStubIsNoEndOfInputAndItsSuccessorServesOn() throws Exception {
    try (Task task = create("cat", new TaskIo.Input.Attached(true))) {
      task.start();
      try (Attachment lost = task.attach(AttachStreams.outputs())) {
        HostState.killStubs();
        assertThat(lost.await(LIMIT)).contains(new Attachment.End.Lost());
      }
      assertThat(task.poll()).isEmpty();
      try (Attachment client = task.attach(AttachStreams.all())) {
        write(client, "still here\n");
        assertThat(line(client.stdout().orElseThrow())).isEqualTo("still here");
      }
      assertThat(task.await(LIMIT).orElseThrow().code()).isZero();
    }
  }

  @Test
  void closedInputStaysClosedUnderASuccessor() throws Exception {
    String script = "cat; touch /tmp/ended; while [ ! -e /tmp/go ]; do sleep 0.01; done";
    try (Task task = create(script, new TaskIo.Input.Attached(true))) {
      task.start();
      task.attach(new AttachStreams(true, false, false)).close();
      Await.until(
          "the input has ended", LIMIT, () -> exists("tmp/ended") || task.poll().isPresent());
      HostState.killStubs();
      assertThat(task.poll()).isEmpty();
      assertFails(() -> task.attach(AttachStreams.all()), "EPIPE");
      Files.createFile(fixture.rootfs.resolve("tmp/go"));
      assertThat(task.await(LIMIT).orElseThrow().code()).isZero();
    }
  }

  @Test
  void clientsLeaveNothingInTheStubNorHere() throws Exception {
    try (Task task = create("cat", new TaskIo.Input.Attached(false))) {
      task.start();
      int stub = HostState.childrenNamed("berth-init").getFirst();
      long before = descriptors(stub);
      long here = descriptors(ProcessHandle.current().pid());
      for (int round = 0; round < 10; round++) {
        List<Attachment> clients = new ArrayList<>();
        for (int i = 0; i < 16; i++) {
          clients.add(task.attach(AttachStreams.all()));
        }
        assertFails(() -> task.attach(AttachStreams.all()), "EUSERS");
        clients.forEach(Attachment::close);
        Await.until("all are gone", LIMIT, () -> descriptors(stub) == before);
      }
      // This JVM may open something else meanwhile, but not ten rounds of sixteen clients.
      assertThat(descriptors(ProcessHandle.current().pid())).isLessThan(here + 16);
      task.closeStdin();
      assertThat(task.await(LIMIT).orElseThrow().code()).isZero();
    }
  }

  @Test
  void whatCannotBeAttachedToIsRefusedWithItsReason() throws Exception {
    try (Task task = fixture.create("c", fixture.spec("sleep 100").build())) {
      task.start();
      assertFails(() -> task.attach(AttachStreams.all()), "EPIPE");
      task.kill(9, true);
      task.await(LIMIT);
      assertFails(() -> task.attach(AttachStreams.outputs()), "has ended");
      task.delete();
      assertFails(
          () -> Attachment.open(task.controlDirectory(), AttachStreams.outputs()), "no task");
    }
  }

  private Task create(String script, TaskIo.Input input) {
    return fixture.create("c", fixture.spec(script).build(), new TaskIo.Log(fixture.log(), input));
  }

  private boolean exists(String name) {
    return Files.exists(fixture.rootfs.resolve(name));
  }

  private static void assertFails(
      org.assertj.core.api.ThrowableAssert.ThrowingCallable call, String why) {
    assertThatExceptionOfType(BerthException.class).isThrownBy(call).withMessageContaining(why);
  }

  private static void write(Attachment client, String text) throws IOException {
    OutputStream in = client.stdin().orElseThrow();
    in.write(text.getBytes(StandardCharsets.UTF_8));
  }

  private static String line(InputStream stream) throws IOException {
    return String.valueOf(
        new BufferedReader(new InputStreamReader(stream, StandardCharsets.UTF_8)).readLine());
  }

  private static FutureTask<String> readAll(InputStream stream) {
    return fork("attach-reader", () -> new String(stream.readAllBytes(), StandardCharsets.UTF_8));
  }

  private static <T> FutureTask<T> fork(String name, Callable<T> work) {
    FutureTask<T> task = new FutureTask<>(work);
    Thread.ofPlatform().daemon().name(name).start(task);
    return task;
  }

  private static <T> T get(FutureTask<T> task) throws Exception {
    return task.get(LIMIT.toSeconds(), TimeUnit.SECONDS);
  }

  private static String counted(int lines) {
    return IntStream.rangeClosed(1, lines).mapToObj(i -> i + "\n").collect(Collectors.joining());
  }

  private static long descriptors(long pid) throws IOException {
    try (var entries = Files.list(Path.of("/proc", Long.toString(pid), "fd"))) {
      return entries.count();
    }
  }
}
