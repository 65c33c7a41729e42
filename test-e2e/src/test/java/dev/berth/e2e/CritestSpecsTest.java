package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;

/** Every spec of critest has a test of our own, which runs where critest is not installed. */
class CritestSpecsTest {
  private static final int SPECS = 142; // of cri-tools after v1.36.0, on Linux
  private static final Path ROOT = Path.of(System.getProperty("berth.root.dir"));

  /** One line of the table. */
  private record Spec(String name, String testClass, String method) {
    static Spec parse(String line) {
      String[] columns = line.split("\t");
      String[] test = columns[1].split("\\.");
      return new Spec(columns[0], test[0], test[1]);
    }

    boolean isIn(Map<String, String> sources) {
      Pattern test =
          Pattern.compile(
              "@(Test|ParameterizedTest)\\b(?:(?!\\n  }\\n).)*?\\bvoid " + method + "\\(",
              Pattern.DOTALL);
      return test.matcher(sources.getOrDefault(testClass, "")).find();
    }
  }

  @Test
  void everySpecHasATest() throws IOException {
    List<Spec> specs = read();
    assertThat(specs).extracting(Spec::name).hasSize(SPECS).doesNotHaveDuplicates();
    Map<String, String> sources = sources();
    assertThat(specs).filteredOn(spec -> !spec.isIn(sources)).isEmpty();
  }

  private static List<Spec> read() throws IOException {
    try (InputStream table =
        Objects.requireNonNull(CritestSpecsTest.class.getResourceAsStream("/critest-specs.tsv"))) {
      return new String(table.readAllBytes(), UTF_8)
          .lines()
          .filter(line -> !line.startsWith("#"))
          .map(Spec::parse)
          .toList();
    }
  }

  /** Returns the text of every test class, by its simple name. */
  private static Map<String, String> sources() throws IOException {
    try (Stream<Path> files = Files.walk(ROOT)) {
      return files
          .filter(file -> file.toString().contains("/src/test/java/"))
          .filter(file -> file.toString().endsWith(".java"))
          .filter(file -> !file.endsWith("package-info.java"))
          .collect(
              Collectors.toMap(
                  file -> file.getFileName().toString().replace(".java", ""),
                  CritestSpecsTest::text,
                  String::concat));
    }
  }

  private static String text(Path file) {
    try {
      return Files.readString(file);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
