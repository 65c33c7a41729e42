package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class OutputPipesTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir Path directory;
  private final OutputBudget budget = new OutputBudget(300_000);

  @Test
  void commandsShareABudget() throws IOException {
    try (OutputPipes first = pipes("first", 200_000)) {
      assertThat(first.stdoutBytes().size()).isEqualTo(200_000);
      try (OutputPipes second = pipes("second", 50_000)) {
        assertThat(second.stdoutBytes().size()).isEqualTo(50_000);
        assertThatThrownBy(() -> pipes("third", 200_000))
            .isInstanceOfSatisfying(
                BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.RESOURCE_EXHAUSTED))
            .hasMessageContaining("300000 bytes");
      }
    }
    assertThat(budget.take(300_000)).as("all was given back").isTrue();
  }

  /** Returns pipes through which that much was printed. */
  private OutputPipes pipes(String name, int size) throws IOException {
    OutputPipes pipes = OutputPipes.create(directory.resolve(name), budget);
    try {
      Files.write(Path.of(pipes.asTaskIo().stdout()), new byte[size]); // takes what is dropped too
      pipes.writerIsThere();
      pipes.drain(LIMIT);
      return pipes;
    } catch (BerthException e) {
      pipes.close();
      throw e;
    }
  }
}
