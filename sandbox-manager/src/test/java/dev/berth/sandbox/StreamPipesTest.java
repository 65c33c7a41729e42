package dev.berth.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class StreamPipesTest {
  @TempDir Path directory;

  /** As runc's shim does: it answers start before it has opened the input. */
  @Test
  void inputWaitsForAReaderThatComesLate() throws Exception {
    try (StreamPipes pipes = pipes()) {
      pipes.commandIsThere();
      Path stdin = Path.of(pipes.asTaskIo().stdin());
      var read = new CompletableFuture<String>();
      var asked = new AtomicInteger();
      pipes.awaitReader(() -> {
        if (asked.incrementAndGet() == 3) { // nobody had come so far
          Thread.ofVirtual().start(() -> read.complete(readAll(stdin)));
        }
        return false;
      });
      assertThat(asked).hasValueGreaterThanOrEqualTo(3);
      try (OutputStream input = pipes.stdin().orElseThrow()) {
        input.write("typed".getBytes(UTF_8));
      }
      assertThat(read.join()).isEqualTo("typed");
    }
  }

  @Test
  void nobodyWaitsForACommandThatHasEnded() {
    try (StreamPipes pipes = pipes()) {
      pipes.commandIsThere();
      assertThatThrownBy(() -> pipes.awaitReader(() -> true))
          .isInstanceOf(IOException.class)
          .hasMessage("nobody reads the input of the command");
    }
  }

  private StreamPipes pipes() {
    return StreamPipes.create(
        directory.resolve("pipes"), false, new StandardStreams(true, true, true));
  }

  private static String readAll(Path pipe) {
    try {
      return Files.readString(pipe);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
