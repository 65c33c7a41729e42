package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** A terminal behind a caller's FIFOs: nothing is lost at the end or on the way in. */
@RequiresRoot
class TerminalRelayTest {
  private static final String READY = "ready\r\n";

  private TaskFixture fixture;
  private Path in;
  private Path out;

  @BeforeEach
  void open() throws Exception {
    fixture = new TaskFixture();
    in = fifo("in");
    out = fifo("out");
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
  }

  @Test
  void lastOutputComesWhole() throws Exception {
    int lines = 20_000;
    FutureTask<String> read = read(new CountDownLatch(1));
    try (Task task = create("seq 1 " + lines)) {
      task.start();
      assertThat(task.await(TaskFixture.LIMIT)).isPresent();
    }
    String expected =
        IntStream.rangeClosed(1, lines).mapToObj(i -> i + "\r\n").collect(Collectors.joining());
    assertThat(read.get(20, TimeUnit.SECONDS).equals(expected)).as("all lines came").isTrue();
  }

  /** Far more than the line discipline holds is typed while the container still does other work. */
  @Test
  void typedBytesWaitForTheirReader() throws Exception {
    int lines = 6000;
    String typed =
        IntStream.range(0, lines)
            .mapToObj(i -> "some words on line " + i + "\n")
            .collect(Collectors.joining());
    CountDownLatch ready = new CountDownLatch(1);
    FutureTask<String> read = read(ready);
    // The flags first: changing them later might discard what was typed before.
    String script = "stty -echo; echo ready; sleep 0.3; head -n " + lines + " >/tmp/typed";
    try (Task task = create(script)) {
      task.start();
      assertThat(ready.await(20, TimeUnit.SECONDS)).isTrue();
      FutureTask<?> typist = fork("typist", () -> Files.writeString(in, typed));
      assertThat(task.await(TaskFixture.LIMIT).orElseThrow().code()).isZero();
      typist.get(20, TimeUnit.SECONDS);
    }
    read.get(20, TimeUnit.SECONDS);
    assertThat(Files.readString(fixture.rootfs.resolve("tmp/typed")).equals(typed))
        .as("all lines arrived")
        .isTrue();
  }

  private Task create(String script) {
    RuntimeSpec spec =
        fixture
            .spec("")
            .process(BusyboxBundle.process("sh", "-c", script).terminal(true).build())
            .build();
    return fixture.create("c", spec, new TaskIo.Pipes(in, out, null));
  }

  /** Reads the output to its end; {@code ready} is counted down when the marker has come. */
  private FutureTask<String> read(CountDownLatch ready) {
    return fork(
        "reader",
        () -> {
          StringBuilder text = new StringBuilder();
          try (var stream = Files.newInputStream(out)) {
            byte[] buffer = new byte[8192];
            for (int size; (size = stream.read(buffer)) >= 0; ) {
              text.append(new String(buffer, 0, size, StandardCharsets.UTF_8));
              if (text.indexOf(READY) >= 0) {
                ready.countDown();
              }
            }
          }
          return text.toString();
        });
  }

  /** On a thread of its own: opening and reading a FIFO blocks a pool's. */
  private static <T> FutureTask<T> fork(String name, Callable<T> work) {
    FutureTask<T> task = new FutureTask<>(work);
    Thread.ofPlatform().daemon().name(name).start(task);
    return task;
  }

  private Path fifo(String name) throws Exception {
    Path path = fixture.base.resolve(name);
    assertThat(new ProcessBuilder("mkfifo", path.toString()).inheritIO().start().waitFor())
        .isZero();
    return path;
  }
}
