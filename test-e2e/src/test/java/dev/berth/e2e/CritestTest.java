package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.abort;
import static org.junit.jupiter.api.Assumptions.assumeFalse;
import static org.junit.jupiter.api.DynamicTest.dynamicTest;

import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.testing.RequiresRoot;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;

/**
 * critest, the program that {@code -Dberth.critest} names or PATH has, against the built daemon on
 * its own network; each of its specs is reported as a test.
 *
 * <p>It pulls from registry.k8s.io, gcr.io and k8s.gcr.io, which {@code -Dberth.critest.registry}
 * (such as {@code 127.0.0.1:5000}, plain HTTP) stands for. Pods and critest must reach each other,
 * so this one uses the network of the machine: a bridge and a table of the packet filter.
 */
@RequiresRoot
class CritestTest {
  private static final List<String> HOSTS = List.of("registry.k8s.io", "gcr.io", "k8s.gcr.io");
  private static final String SKIPPED = System.getProperty("berth.critest.skip", "benchmark");
  private static final String FOCUS = System.getProperty("berth.critest.focus", "");
  private static final long LIMIT_MINUTES = 20;

  @TempDir private Path directory;

  @TestFactory
  List<DynamicTest> specs() throws Exception {
    Optional<Path> critest = find();
    String registry = System.getProperty("berth.critest.registry");
    if (critest.isEmpty()) {
      return skipped("critest is neither in PATH nor named by -Dberth.critest");
    }
    if (registry == null) {
      return skipped("-Dberth.critest.registry names no registry with the images of critest");
    }
    try (var host = new PrivateHost(directory.resolve("host"));
        BerthNode node =
            BerthNode.start(directory, host, "--network=own", "--hosts-dir=" + hosts(registry))) {
      return read(run(critest.get(), node)).stream().map(CritestTest::test).toList();
    }
  }

  /** One test that is counted as skipped: a factory that gives up is counted as nothing. */
  private static List<DynamicTest> skipped(String why) {
    return List.of(dynamicTest("critest", () -> abort(why)));
  }

  private static Optional<Path> find() {
    String named = System.getProperty("berth.critest");
    Stream<Path> candidates =
        named != null
            ? Stream.of(Path.of(named))
            : Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .map(folder -> Path.of(folder, "critest"));
    return candidates.filter(Files::isExecutable).findFirst();
  }

  private Path hosts(String registry) throws IOException {
    Path hosts = directory.resolve("hosts");
    for (String host : HOSTS) {
      Files.writeString(
          Files.createDirectories(hosts.resolve(host)).resolve("hosts.toml"),
          """
          server = "http://%1$s"
          [host."http://%1$s"]
          capabilities = ["pull", "resolve"]
          """
              .formatted(registry));
    }
    return hosts;
  }

  /** Runs all specs and returns critest's report. */
  private Path run(Path critest, BerthNode node) throws Exception {
    Path report = directory.resolve("report.json");
    Path output = directory.resolve("output");
    Process process =
        new ProcessBuilder(
                critest.toString(),
                "-runtime-endpoint=unix://" + node.socket(),
                "-image-endpoint=unix://" + node.socket(),
                "-nri-socket=" + node.state().resolve("nri.sock"),
                "-ginkgo.no-color",
                "-ginkgo.focus=" + FOCUS,
                "-ginkgo.skip=" + SKIPPED,
                "-ginkgo.json-report=" + report)
            .directory(directory.toFile())
            .redirectErrorStream(true)
            .redirectOutput(output.toFile())
            .start();
    try {
      assertThat(process.waitFor(LIMIT_MINUTES, TimeUnit.MINUTES)).as("it has ended").isTrue();
    } finally {
      process.destroyForcibly();
    }
    assertThat(report).as(Files.readString(output)).exists();
    return report;
  }

  /** What became of one spec. */
  private record Spec(String name, String state, String why) {
    static Spec of(JsonObject report) {
      List<String> words = new ArrayList<>();
      JsonElement above = report.get("ContainerHierarchyTexts");
      if (above != null && above.isJsonArray()) {
        above.getAsJsonArray().forEach(word -> words.add(word.getAsString()));
      }
      words.add(report.get("LeafNodeText").getAsString());
      JsonElement failure = report.get("Failure");
      String why =
          failure != null && failure.isJsonObject() && failure.getAsJsonObject().has("Message")
              ? failure.getAsJsonObject().get("Message").getAsString()
              : "";
      return new Spec(String.join(" ", words), report.get("State").getAsString(), why);
    }
  }

  private static List<Spec> read(Path report) throws IOException {
    List<Spec> specs = new ArrayList<>();
    for (JsonElement suite : JsonParser.parseString(Files.readString(report)).getAsJsonArray()) {
      for (JsonElement spec : suite.getAsJsonObject().get("SpecReports").getAsJsonArray()) {
        if (spec.getAsJsonObject().get("LeafNodeType").getAsString().equals("It")) {
          specs.add(Spec.of(spec.getAsJsonObject()));
        }
      }
    }
    return specs;
  }

  private static DynamicTest test(Spec spec) {
    return dynamicTest(
        spec.name(),
        () -> {
          assumeFalse(spec.state().equals("skipped"), spec.why());
          assertThat(spec.state()).as(spec.why()).isEqualTo("passed");
        });
  }
}
