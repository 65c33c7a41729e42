package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * berth-init's checks of plans, its control messages and its log under libFuzzer and the
 * sanitizers, on a kernel in memory: all inputs that were ever worth keeping, and new ones for a
 * moment. {@code src/test/c/fuzz/fuzz.sh} goes on for as long as one likes.
 */
class BerthInitFuzzTest {
  private static final int NO_COMPILER = 3;
  private static final int SECONDS = Integer.getInteger("berth.fuzz.seconds", 3);

  @TempDir private Path directory;

  @ParameterizedTest
  @ValueSource(strings = {"plan", "control", "log"})
  void noInputBreaksBerthInit(String target) throws IOException, InterruptedException {
    Path script =
        Path.of(System.getProperty("berth.root.dir"), "runtime-native/src/test/c/fuzz/fuzz.sh");
    Path output = directory.resolve("output");
    int code =
        new ProcessBuilder(
                script.toString(),
                target,
                directory.toString(),
                "-max_total_time=" + SECONDS,
                "-timeout=30")
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start()
            .waitFor();
    assumeTrue(code != NO_COMPILER, "needs clang with its compiler-rt");
    assertThat(code).as(Files.readString(output)).isZero();
  }
}
