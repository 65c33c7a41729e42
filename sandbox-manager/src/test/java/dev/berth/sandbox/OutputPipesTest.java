package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.testing.RequiresRoot;
import java.io.File;
import java.io.FileOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;

@RequiresRoot
class OutputPipesTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  private final EventLoop loop = EventLoop.start("test-output");
  private final OutputBudget budget = new OutputBudget(300_000);

  @AfterEach
  void stop() {
    loop.close();
  }

  @Test
  void whatAChildKeepsOpenIsNotWaitedFor() throws IOException {
    try (OutputPipes pipes = OutputPipes.create(budget, loop);
        var child = new FileOutputStream(pipes.asTaskIo().stdout())) {
      child.write(new byte[] {'a'});
      pipes.writerIsThere();

      pipes.drain(Duration.ofMillis(50));

      assertThat(pipes.stdoutBytes().toStringUtf8()).isEqualTo("a");
      assertThat(pipes.stderrBytes().isEmpty()).isTrue();
    }
    assertThat(loop.size()).as("registrations left").isZero();
  }

  @Test
  void aChildThatIsLeftBehindAndWritesOnIsNotReadForEver() throws Exception {
    try (OutputPipes pipes = OutputPipes.create(new OutputBudget(64 << 20), loop)) {
      Process child =
          new ProcessBuilder("yes").redirectOutput(new File(pipes.asTaskIo().stdout())).start();
      try {
        pipes.writerIsThere();
        CompletableFuture<Void> drained =
            CompletableFuture.runAsync(() -> pipes.drain(Duration.ofMillis(50)));

        assertThat(drained).succeedsWithin(LIMIT);

        assertThat(child.isAlive()).as("still writing").isTrue();
        assertThat(pipes.stdoutBytes().toStringUtf8()).startsWith("y\ny\n");
      } finally {
        child.destroyForcibly().waitFor();
      }
    }
    assertThat(loop.size()).as("registrations left").isZero();
  }

  @Test
  void commandsShareABudget() throws IOException {
    try (OutputPipes _ = pipes(200_000)) {
      try (OutputPipes _ = pipes(50_000)) {
        assertThatThrownBy(() -> pipes(200_000))
            .isInstanceOfSatisfying(
                BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.RESOURCE_EXHAUSTED))
            .hasMessageContaining("300000 bytes");
      }
    }
    assertThat(budget.take(300_000)).as("all was given back").isTrue();
  }

  /** Returns pipes through which that much was printed. */
  private OutputPipes pipes(int size) throws IOException {
    OutputPipes pipes = OutputPipes.create(budget, loop);
    try {
      Files.write(Path.of(pipes.asTaskIo().stdout()), new byte[size]); // takes what is dropped too
      pipes.writerIsThere();
      pipes.drain(LIMIT);
      assertThat(pipes.stdoutBytes().size()).isEqualTo(size);
      return pipes;
    } catch (BerthException e) {
      pipes.close();
      throw e;
    }
  }
}
