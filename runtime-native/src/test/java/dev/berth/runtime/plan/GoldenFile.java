package dev.berth.runtime.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Compares printed plans with files; {@code -Dberth.golden.update=true} writes the files anew. */
final class GoldenFile {
  private static final Path DIRECTORY =
      Path.of(System.getProperty("berth.root.dir"), "runtime-native/src/test/resources/plans");

  private GoldenFile() {}

  static void check(String name, LaunchPlan plan) {
    Path file = DIRECTORY.resolve(name + ".txt");
    String printed = "descriptors: " + String.join(" ", plan.descriptors()) + "\n" + plan.print();
    try {
      if (Boolean.getBoolean("berth.golden.update")) {
        Files.createDirectories(DIRECTORY);
        Files.writeString(file, printed);
      }
      assertThat(printed)
          .as("%s; -Dberth.golden.update=true rewrites it", file)
          .isEqualTo(Files.readString(file));
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }
}
