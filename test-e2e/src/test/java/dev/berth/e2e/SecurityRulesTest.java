package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** SECURITY.md promises tests for rules; here the build fails when a promise is empty. */
class SecurityRulesTest {
  /** Those that apply to what Berth can do so far. */
  private static final List<String> DUE =
      List.of(
          "R1", "R2", "R3", "R4", "R5", "R6", "R7", "R8", "R9", "R10", "R11", "R12", "R13", "R15",
          "R16", "R17", "R18", "R19", "R20", "R21", "R22", "R23", "R24", "R26", "R27");

  private static final Path ROOT = Path.of(System.getProperty("berth.root.dir"));
  private static final Pattern ROW = Pattern.compile("\\| (R\\d+) \\| .* \\| (.*) \\|");
  private static final Pattern CLASS = Pattern.compile("`(\\w+)`");
  private static final Pattern TEST = Pattern.compile("@(Test|ParameterizedTest)\\b");

  private static final Map<String, List<String>> CLASSES = new HashMap<>();
  private static final Map<String, List<Path>> SOURCES = new HashMap<>();

  @BeforeAll
  static void read() throws IOException {
    for (String line : Files.readAllLines(ROOT.resolve("SECURITY.md"))) {
      ROW.matcher(line).results().forEach(SecurityRulesTest::addRow);
    }
    try (Stream<Path> modules = Files.list(ROOT)) {
      for (Path module : modules.toList()) {
        addSources(module.resolve("src/test/java"));
      }
    }
  }

  private static void addRow(MatchResult row) {
    List<String> named =
        CLASS.matcher(row.group(2)).results().map(match -> match.group(1)).toList();
    assertThat(CLASSES.put(row.group(1), named)).as("second row of " + row.group(1)).isNull();
  }

  private static void addSources(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      return;
    }
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.toList()) {
        String name = file.getFileName().toString();
        if (name.endsWith(".java")) {
          String simpleName = name.substring(0, name.length() - ".java".length());
          SOURCES.computeIfAbsent(simpleName, _ -> new ArrayList<>()).add(file);
        }
      }
    }
  }

  @Test
  void everyRuleThatIsDueIsListed() {
    assertThat(CLASSES.keySet()).containsAll(DUE);
  }

  @Test
  void everyListedRuleNamesATestClass() {
    assertThat(CLASSES).allSatisfy((rule, named) -> assertThat(named).as(rule).isNotEmpty());
  }

  @Test
  void everyNamedClassExistsAndHasATest() {
    CLASSES.forEach((rule, named) ->
        named.forEach(name ->
            assertThat(SOURCES.getOrDefault(name, List.of()))
                .as("sources of %s, named for %s", name, rule)
                .anyMatch(SecurityRulesTest::hasTest)));
  }

  private static boolean hasTest(Path source) {
    try {
      return TEST.matcher(Files.readString(source)).find();
    } catch (IOException e) {
      throw new java.io.UncheckedIOException(e);
    }
  }
}
