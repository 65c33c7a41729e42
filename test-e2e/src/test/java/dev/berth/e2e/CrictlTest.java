package dev.berth.e2e;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.ByteArrayOutputStream;
import java.io.File;
import java.io.IOException;
import java.io.InputStream;
import java.net.URI;
import java.net.http.HttpClient;
import java.net.http.HttpRequest;
import java.net.http.HttpResponse.BodyHandlers;
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
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

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
    assertThat(crictl("metricdescs")).contains("container_memory_working_set_bytes");
    assertThat(crictl("metricsp")).contains("container_memory_working_set_bytes", id);
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

  /** A crictl that goes on until it is told to end, or its work is done. */
  private static final class Running implements AutoCloseable {
    private final Process process;
    private final ByteArrayOutputStream output = new ByteArrayOutputStream();
    private final Thread reader;

    Running(List<String> command) throws IOException {
      process = new ProcessBuilder(command).redirectErrorStream(true).start();
      reader = Thread.ofVirtual().start(this::read);
    }

    private void read() {
      try (InputStream in = process.getInputStream()) {
        in.transferTo(output);
      } catch (IOException e) {
        output.writeBytes(e.toString().getBytes(UTF_8)); // ended under us
      }
    }

    String text() {
      return output.toString(UTF_8);
    }

    void type(String text) throws IOException {
      process.getOutputStream().write(text.getBytes(UTF_8));
      process.getOutputStream().flush();
    }

    void endInput() throws IOException {
      process.getOutputStream().close();
    }

    void awaitOutput(String text) {
      Await.until("\"" + text + "\" is in \"" + text() + "\"", LIMIT, () -> text().contains(text));
    }

    int awaitEnd() throws InterruptedException {
      Await.until("it has ended", LIMIT, () -> !process.isAlive());
      reader.join(LIMIT);
      return process.exitValue();
    }

    @Override
    public void close() {
      process.destroyForcibly(); // an attached one waits for more to type before it ends by itself
      Await.until("it has ended", LIMIT, () -> !process.isAlive());
    }
  }

  private Running run(String... arguments) throws IOException {
    return new Running(words(arguments));
  }

  @ParameterizedTest
  @ValueSource(strings = {"spdy", "websocket"})
  void streamsGoByEitherProtocol(String transport) throws Exception {
    String image = registry.busybox();
    crictl("pull", image);
    Path podConfig = write("pod.json", pod());
    String pod = crictl("runp", podConfig.toString());
    String script =
        "httpd -p 80 -h /www; while read line; do echo got $line; done; echo no more; sleep 1000";
    JsonObject withInput = container("main", image, script);
    withInput.addProperty("stdin", true);
    Path config = write("container.json", withInput);
    String id = crictl("create", pod, config.toString(), podConfig.toString());
    crictl("start", id);

    try (Running exec = run("exec", "-r", transport, "-i", id, "sh", "-c", "cat; exit 7")) {
      exec.type("typed\n");
      exec.awaitOutput("typed");
      exec.endInput();
      assertThat(exec.awaitEnd()).as(exec.text()).isNotZero();
      exec.awaitOutput("7");
    }
    try (Running exec = onTerminal("exec", "-r", transport, "-it", id, "sh")) {
      exec.type("tty; exit\n");
      exec.awaitOutput("/dev/pts/");
      exec.awaitEnd();
    }
    try (Running attached = run("attach", "-r", transport, "-i", id)) {
      attached.type("one\n");
      attached.awaitOutput("got one");
    }
    try (Running logs = run("logs", "-f", id)) {
      logs.awaitOutput("got one");
    }
    int port = TestRegistry.freePort();
    try (Running forward = run("port-forward", "-r", transport, pod, port + ":80")) {
      forward.awaitOutput("Forwarding from");
      HttpRequest request =
          HttpRequest.newBuilder(URI.create("http://127.0.0.1:" + port + "/")).build();
      try (HttpClient http = HttpClient.newHttpClient()) {
        assertThat(http.send(request, BodyHandlers.ofString()).body()).contains("web server");
      }
    }
    crictl("rmp", "-fa");
    assertThat(crictl("ps", "-aq")).isEmpty();
    assertThat(crictl("pods", "-q")).isEmpty();
  }

  /** crictl asks for the size of its terminal, so that it must have one. */
  private Running onTerminal(String... arguments) throws IOException {
    String line = String.join(" ", words(arguments));
    return new Running(List.of("script", "-qefc", line, "/dev/null"));
  }

  @Test
  void eventsAreToldAsTheyCome() throws Exception {
    String image = registry.busybox();
    crictl("pull", image);
    try (Running events = run("events")) {
      Path podConfig = write("pod.json", pod());
      String pod = crictl("runp", podConfig.toString());
      Path config = write("container.json", container("main", image, "exit 3"));
      String id = crictl("create", pod, config.toString(), podConfig.toString());
      crictl("start", id);
      events.awaitOutput("CONTAINER_STOPPED_EVENT");
      assertThat(crictl("inspectp", pod)).contains("SANDBOX_READY");
      assertThat(crictl("inspect", id)).contains("\"exitCode\": 3");
      assertThat(crictl("inspecti", image)).contains(image);
      assertThat(crictl("imagefsinfo")).contains("usedBytes");
      assertThat(crictl("runtime-config")).contains("CGROUPFS");
      crictl("rmp", "-fa");
    }
  }

  @Test
  void infoSaysThatAllIsReady() {
    JsonObject status = JsonParser.parseString(crictl("info")).getAsJsonObject();
    assertThat(status.getAsJsonObject("status").getAsJsonArray("conditions"))
        .allMatch(condition -> condition.getAsJsonObject().get("status").getAsBoolean());
    assertThat(crictl("version")).contains("berth", "0.1.0");
  }

  private String crictl(String... arguments) {
    return Command.run(Map.of(), words(arguments)).succeeded().stdout().strip();
  }

  private List<String> words(String... arguments) {
    return Stream.concat(
            Stream.of(program.toString(), "--runtime-endpoint", "unix://" + node.socket()),
            Stream.of(arguments))
        .toList();
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
