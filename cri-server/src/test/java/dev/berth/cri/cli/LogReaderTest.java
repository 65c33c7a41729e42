package dev.berth.cri.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.file.StandardOpenOption.APPEND;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.testing.Await;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.PrintStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogReaderTest {
  private static final String T1 = "2026-01-02T03:04:05.000000001Z";
  private static final String T2 = "2026-01-02T03:04:05.000000002Z";

  @TempDir private Path dir;
  private final ByteArrayOutputStream stdout = new ByteArrayOutputStream();
  private final ByteArrayOutputStream stderr = new ByteArrayOutputStream();

  private Path log() {
    return dir.resolve("0.log");
  }

  private LogReader reader(boolean withTimes) {
    return new LogReader(
        log(),
        withTimes,
        new PrintStream(stdout, true, ISO_8859_1),
        new PrintStream(stderr, true, ISO_8859_1));
  }

  private void append(String... entries) throws IOException {
    if (!Files.exists(log())) {
      Files.createFile(log());
    }
    for (String entry : entries) {
      Files.write(log(), (entry + "\n").getBytes(ISO_8859_1), APPEND);
    }
  }

  @Test
  void eachStreamGoesToItsOwnPlaceAndPartsAreJoined() throws IOException {
    append(
        T1 + " stdout F hello", T1 + " stderr F oops", T2 + " stdout P par", T2 + " stdout F tial");
    reader(false).printLast(Long.MAX_VALUE);
    assertThat(stdout).hasToString("hello\npartial\n");
    assertThat(stderr).hasToString("oops\n");
  }

  @Test
  void bytesThatAreNoTextSurvive() throws IOException {
    append(T1 + " stdout F \u00ff\u00fe\u0080 \r");
    reader(false).printLast(Long.MAX_VALUE);
    assertThat(stdout.toByteArray())
        .isEqualTo(new byte[] {(byte) 0xff, (byte) 0xfe, (byte) 0x80, ' ', '\r', '\n'});
  }

  @Test
  void tailAndTimesAreShownWhenAskedFor() throws IOException {
    append(T1 + " stdout F one", T2 + " stdout F two");
    reader(true).printLast(1);
    assertThat(stdout).hasToString(T2 + " two\n");
  }

  @Test
  void followingGoesOnThroughARotationUntilTheEnd() throws Exception {
    append(T1 + " stdout F before");
    var ended = new AtomicBoolean();
    var followed =
        CompletableFuture.runAsync(() -> {
          try {
            reader(false).follow(ended::get);
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
    Await.until(
        "seen", Duration.ofSeconds(5), () -> stdout.toString(ISO_8859_1).equals("before\n"));
    Files.move(log(), dir.resolve("0.log.1"));
    Files.writeString(dir.resolve("new"), T2 + " stdout F after\n");
    Files.move(dir.resolve("new"), log());
    Await.until(
        "seen", Duration.ofSeconds(5), () -> stdout.toString(ISO_8859_1).endsWith("after\n"));
    append(T2 + " stdout F last");
    ended.set(true);
    followed.get(5, TimeUnit.SECONDS);
    assertThat(stdout).hasToString("before\nafter\nlast\n");
  }

  @Test
  void fileThatIsNoLogIsAnError() throws IOException {
    append("hello");
    assertThatThrownBy(() -> reader(false).printLast(1))
        .isInstanceOf(CliException.class)
        .hasMessage("not a CRI log entry: hello");
  }

  @Test
  void missingLogIsAnError() {
    assertThatThrownBy(() -> reader(false).printLast(1))
        .isInstanceOf(CliException.class)
        .hasMessage("no log at " + log());
  }
}
