package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/**
 * crictl against the same socket, the program that {@code -Dberth.crictl} names or PATH has. It is
 * no Debian package.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class CrictlTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir private static Path directory;
  private Path program;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;

  @BeforeAll
  void start() throws Exception {
    Optional<Path> crictl = find();
    assumeTrue(crictl.isPresent(), "crictl is neither in PATH nor named by -Dberth.crictl");
    program = crictl.get();
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host, "--criu=/bin/true"); // which says it has dumped
  }

  @AfterAll
  void stop() throws IOException {
    if (node != null) {
      node.close();
      registry.close();
      host.close();
    }
  }

  private static Optional<Path> find() {
    String named = System.getProperty("berth.crictl");
    Stream<Path> candidates =
        named != null
            ? Stream.of(Path.of(named))
            : Stream.of(System.getenv("PATH").split(File.pathSeparator))
                .map(folder -> Path.of(folder, "crictl"));
    return candidates.filter(Files::isExecutable).findFirst();
  }

  @Test
  void podGoesThroughItsWholeLife() throws Exception {
    String image = registry.busybox();
    crictl("pull", image);
    assertThat(crictl("images")).contains(image.split(":latest")[0]);

    Path podConfig = write("pod.json", pod());
    String pod = crictl("runp", podConfig.toString());
    assertThat(crictl("pods", "-q")).isEqualTo(pod);
    String script = "echo hello; echo trouble >&2; exec sleep 1000";
    Path config = write("container.json", container("main", image, script));
    String id = crictl("create", pod, config.toString(), podConfig.toString());
    assertThat(crictl("start", id)).isEqualTo(id);

    assertThat(crictl("ps", "-q")).isEqualTo(id);
    assertThat(crictl("exec", "-s", id, "echo", "from inside")).isEqualTo("from inside");
    Await.until("the log is there", LIMIT, () -> crictl("logs", id).contains("hello"));
    assertThat(crictl("inspect", id)).contains("\"CONTAINER_RUNNING\"", "\"sandboxID\": \"" + pod);
    assertThat(crictl("stats", "-o", "json")).contains(id, "usageCoreNanoSeconds");
    assertThat(crictl("statsp", "-o", "json")).contains(pod, "eth0");
    crictl("update", "--cpu-share", "512", id);
    assertThat(crictl("inspect", id)).contains("\"cpuShares\": \"512\"");

    Path checkpoint = directory.resolve("main.tar");
    crictl("checkpoint", "--export=" + checkpoint, id);
    assertThat(checkpoint).isNotEmptyFile();

    crictl("stop", id);
    assertThat(crictl("ps", "-a", "--state", "exited", "-q")).isEqualTo(id);
    crictl("rm", id);
    crictl("stopp", pod);
    crictl("rmp", pod);
    assertThat(crictl("pods", "-q")).isEmpty();
    crictl("rmi", image);
  }

  @Test
  void infoSaysThatAllIsReady() {
    JsonObject status = JsonParser.parseString(crictl("info")).getAsJsonObject();
    assertThat(status.getAsJsonObject("status").getAsJsonArray("conditions"))
        .allMatch(condition -> condition.getAsJsonObject().get("status").getAsBoolean());
    assertThat(crictl("version")).contains("berth", "0.1.0");
  }

  private String crictl(String... arguments) {
    List<String> words =
        Stream.concat(
                Stream.of(program.toString(), "--runtime-endpoint", "unix://" + node.socket()),
                Stream.of(arguments))
            .toList();
    return Command.run(Map.of(), words).succeeded().stdout().strip();
  }

  private static Path write(String name, JsonObject content) throws IOException {
    return Files.writeString(directory.resolve(name), content.toString(), UTF_8);
  }

  private JsonObject pod() {
    var metadata = new JsonObject();
    metadata.addProperty("name", "crictl");
    metadata.addProperty("namespace", "e2e");
    metadata.addProperty("uid", "crictl-uid");
    var pod = new JsonObject();
    pod.add("metadata", metadata);
    pod.addProperty("log_directory", node.logDirectory().resolve("crictl").toString());
    pod.add("linux", new JsonObject());
    return pod;
  }

  private static JsonObject container(String name, String image, String script) {
    var metadata = new JsonObject();
    metadata.addProperty("name", name);
    var spec = new JsonObject();
    spec.addProperty("image", image);
    var command = new JsonArray();
    List.of("sh", "-c", script).forEach(command::add);
    var container = new JsonObject();
    container.add("metadata", metadata);
    container.add("image", spec);
    container.add("command", command);
    container.addProperty("log_path", name + ".log");
    container.add("linux", new JsonObject());
    return container;
  }
}
