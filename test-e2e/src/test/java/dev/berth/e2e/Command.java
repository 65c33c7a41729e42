package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;

/**
 * A program that was run to its end.
 *
 * @param stdout and {@code stderr} what it wrote, apart
 */
record Command(List<String> words, int exitCode, String stdout, String stderr) {
  private static final Duration LIMIT = Duration.ofMinutes(2);

  /** Runs a program and returns whatever it did. */
  static Command run(Map<String, String> environment, List<String> words) {
    try {
      Path out = Files.createTempFile("command", ".out");
      Path err = Files.createTempFile("command", ".err");
      try {
        var builder = new ProcessBuilder(words);
        builder.environment().putAll(environment);
        Process process =
            builder
                .redirectInput(Path.of("/dev/null").toFile())
                .redirectOutput(out.toFile())
                .redirectError(err.toFile())
                .start();
        if (!process.waitFor(LIMIT.toSeconds(), TimeUnit.SECONDS)) {
          process.destroyForcibly();
          throw new AssertionError("not ended within " + LIMIT + ": " + words);
        }
        return new Command(
            words, process.exitValue(), Files.readString(out), Files.readString(err, UTF_8));
      } finally {
        Files.delete(out);
        Files.delete(err);
      }
    } catch (IOException e) {
      throw new AssertionError("cannot run " + words, e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new AssertionError("interrupted while running " + words, e);
    }
  }

  /** Runs a program that must succeed and returns its stdout without the last line end. */
  static String output(String... words) {
    return run(Map.of(), List.of(words)).succeeded().stdout().stripTrailing();
  }

  /** Requires exit code 0. */
  Command succeeded() {
    assertThat(exitCode).as("exit code of %s, which says: %s", words, stderr).isZero();
    return this;
  }
}
