package dev.berth.runtime.cli;

import static org.assertj.core.api.Assertions.assertThat;

import com.google.gson.JsonArray;
import com.google.gson.JsonElement;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.base.AtomicFiles;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.SpecJson;
import dev.berth.runtime.spec.SpecValidator;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.UUID;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The commands of {@code berth-runtime}, as their users see them, on a real container. */
@RequiresRoot
class RuntimeCliTest {
  private static final String PROPERTY = "berth.init";
  private static final long LIMIT = 64L << 20;

  @TempDir private Path base;
  private final String id = "c" + UUID.randomUUID().toString().substring(0, 8);
  private final StringWriter out = new StringWriter();
  private final StringWriter err = new StringWriter();
  private int left; // a process that nobody but this one waits for

  @BeforeEach
  void findBerthInit() {
    Processes.becomeSubreaper();
    String machine = System.getProperty("os.arch").equals("aarch64") ? "arm64" : "amd64";
    Path built =
        Path.of(System.getProperty("berth.root.dir"), "runtime-native/target/native", machine);
    System.setProperty(PROPERTY, built.resolve("berth-init").toString());
  }

  @AfterEach
  void cleanUp() {
    if (left != 0) {
      end(left);
    }
    assertThat(berth("delete", "--force", id)).as(err.toString()).isZero();
    System.clearProperty(PROPERTY);
  }

  @Test
  void listKnowsWhatEveryContainerDoes() throws IOException {
    assertThat(berth("list")).isZero();
    assertThat(out.toString()).startsWith("ID ").hasLineCount(1);
    runDetached();

    assertThat(json("list", "--format", "json").getAsJsonArray())
        .singleElement()
        .satisfies(one -> {
          JsonObject state = one.getAsJsonObject();
          assertThat(state.get("id").getAsString()).isEqualTo(id);
          assertThat(state.get("status").getAsString()).isEqualTo("running");
          assertThat(state.get("pid").getAsInt()).isPositive();
          assertThat(state.get("rootfs").getAsString()).endsWith("/rootfs");
          assertThat(state.get("owner").getAsString()).isEqualTo("root");
        });
    assertThat(berth("list", "-q")).isZero();
    assertThat(out.toString().strip()).isEqualTo(id);
  }

  @Test
  void recordThatNobodyUnderstandsHidesNoOther() throws IOException {
    runDetached();
    Path strange = Files.createDirectory(root().resolve("strange"));
    Files.writeString(strange.resolve("task.json"), "{");

    assertThat(berth("list", "-q")).isZero();

    assertThat(out.toString().strip()).isEqualTo(id);
    assertThat(err.toString()).contains(strange.toString());
  }

  /** As a create leaves it that is killed before it has written its record. */
  @Test
  void forceDeletesWhatWasNeverMadeToTheEnd() throws IOException {
    runDetached();
    int pid = json("state", id).getAsJsonObject().get("pid").getAsInt();
    Files.delete(root().resolve(id).resolve("task.json"));

    assertThat(berth("delete", id)).isEqualTo(1);
    assertThat(ProcessHandle.of(pid)).isPresent();
    assertThat(berth("delete", "--force", id)).as(err.toString()).isZero();

    Await.until("it is reaped", Duration.ofSeconds(10), () -> ProcessHandle.of(pid).isEmpty());
    assertThat(root().resolve(id)).doesNotExist();
  }

  @Test
  void psShowsTheProcessesOfTheContainerAlone() throws IOException {
    runDetached();

    JsonArray pids = json("ps", "--format", "json", id).getAsJsonArray();
    assertThat(pids).hasSize(1);
    assertThat(berth("ps", id)).as(err.toString()).isZero();
    assertThat(out.toString().lines()).hasSize(2).last().asString().contains("sleep 1000");
    assertThat(berth("ps", id, "-o", "comm")).isEqualTo(1);
    assertThat(err.toString()).contains("no column PID");
  }

  @Test
  void pausedContainerSaysSoAndDiesAllTheSame() throws IOException {
    runDetached();
    assertThat(berth("resume", id)).isEqualTo(1);
    assertThat(err.toString()).contains("is not paused");

    assertThat(berth("pause", id)).as(err.toString()).isZero();
    assertThat(status()).isEqualTo("paused");
    assertThat(berth("resume", id)).as(err.toString()).isZero();
    assertThat(status()).isEqualTo("running");

    assertThat(berth("pause", id)).isZero();
    assertThat(berth("kill", id, "KILL")).as(err.toString()).isZero();
    assertThat(berth("delete", "--force", id)).as(err.toString()).isZero();
    assertThat(berth("pause", id)).isEqualTo(1);
    assertThat(err.toString()).contains(id);
  }

  @Test
  void updateChangesWhatIsNamedAndEventsShowIt() throws IOException {
    runDetached();
    Path file = base.resolve("limits.json");
    Files.writeString(file, "{\"memory\": {\"limit\": 1048576000}}");

    assertThat(berth("update", id)).isEqualTo(1);
    assertThat(err.toString()).contains("nothing to change");
    assertThat(berth("update", "--resources", file.toString(), "--memory", "" + LIMIT, id))
        .as(err.toString())
        .isZero();

    JsonObject event = json("events", "--stats", id).getAsJsonObject();
    assertThat(event.get("type").getAsString()).isEqualTo("stats");
    JsonObject data = event.getAsJsonObject("data");
    assertThat(data.getAsJsonObject("pids").get("current").getAsInt()).isEqualTo(1);
    JsonObject memory = data.getAsJsonObject("memory").getAsJsonObject("usage");
    assertThat(memory.get("limit").getAsLong()).isEqualTo(LIMIT);
    assertThat(memory.get("usage").getAsLong()).isPositive();
    JsonObject cpu = data.getAsJsonObject("cpu");
    assertThat(cpu.getAsJsonObject("usage").keySet()).contains("total", "kernel", "user");
    assertThat(cpu.getAsJsonObject("throttling").keySet())
        .containsExactly("periods", "throttledPeriods", "throttledTime");
    assertThat(data.getAsJsonObject("memory").getAsJsonObject("raw").keySet()).contains("rss");
  }

  /** By the end of what is watched the last kill must have been told. */
  @Test
  void killThatEndsTheContainerIsAnEvent() throws Exception {
    runDetached("x=0123456789abcdef; sleep 1; while :; do x=$x$x; done");
    assertThat(berth("update", "--memory", "" + (16 << 20), id)).as(err.toString()).isZero();

    assertThat(berth("events", "--interval", "60s", id)).as(err.toString()).isZero();

    assertThat(out.toString().lines().map(RuntimeCliTest::type)).containsExactly("stats", "oom");
  }

  private static String type(String event) {
    return JsonParser.parseString(event).getAsJsonObject().get("type").getAsString();
  }

  /** As {@code spec} writes it: what limits there are must be somebody's. */
  @Test
  void containerWithoutAPathGetsAControlGroupOfItsOwn() throws Exception {
    for (String path : new String[] {null, "berth-cli-relative/" + id}) {
      RuntimeSpec spec =
          BusyboxBundle.spec(BusyboxBundle.makeRootfs(base.resolve("r")), "exec sleep 1000")
              .linux(BusyboxBundle.linux().cgroupsPath(path).build())
              .build();
      Files.write(Files.createDirectories(base.resolve("b")).resolve("config.json"), spec.toJson());
      assertThat(
              berth("run", "-d", "--log-file", "/dev/null", "-b", base.resolve("b").toString(), id))
          .as(err.toString())
          .isZero();

      assertThat(berth("update", "--pids-limit", "77", id)).as(err.toString()).isZero();
      JsonObject pids =
          json("events", "--stats", id)
              .getAsJsonObject()
              .getAsJsonObject("data")
              .getAsJsonObject("pids");
      assertThat(pids.get("limit").getAsInt()).isEqualTo(77);
      int pid = json("state", id).getAsJsonObject().get("pid").getAsInt();
      assertThat(Files.readString(Path.of("/proc/" + pid + "/cgroup")))
          .contains(":/" + (path == null ? id : path) + "\n");
      assertThat(berth("delete", "--force", id)).as(err.toString()).isZero();
      AtomicFiles.deleteTree(base.resolve("r"));
    }
  }

  @Test
  void updateNamesTheFieldThatIsWrong() throws IOException {
    runDetached();
    Path file = base.resolve("limits.json");
    Files.writeString(file, "{\"memory\": {\"limit\": \"much\"}}");

    assertThat(berth("update", "-r", file.toString(), id)).isEqualTo(1);

    assertThat(err.toString()).contains("resources").contains("memory.limit");
  }

  @Test
  void execRunsTheProcessOfAFileAndCanLeaveItThere() throws IOException {
    runDetached();
    Path file = base.resolve("process.json");
    Files.write(file, SpecJson.write(BusyboxBundle.process("sleep", "900").build()));
    Path pidFile = base.resolve("pid");

    assertThat(berth("exec", "-d", "--pid-file", pidFile.toString(), "-p", file.toString(), id))
        .as(err.toString())
        .isZero();
    int pid = Integer.parseInt(Files.readString(pidFile));
    left = pid;
    assertThat(json("ps", "--format", "json", id).getAsJsonArray())
        .extracting(JsonElement::getAsInt)
        .hasSize(2)
        .contains(pid);
    assertThat(berth("exec", id, "sh", "-c", "exit 7")).isEqualTo(7);
    assertThat(berth("exec", id)).isEqualTo(255);
    assertThat(err.toString()).contains("neither COMMAND nor --process");
  }

  @Test
  void failureIsInTheLogThatTheCallerReads() throws IOException {
    Path log = base.resolve("log.json");

    assertThat(berth("--log", log.toString(), "--log-format", "json", "start", "nobody"))
        .isEqualTo(1);

    JsonObject line = JsonParser.parseString(Files.readString(log)).getAsJsonObject();
    assertThat(line.get("level").getAsString()).isEqualTo("error");
    assertThat(line.get("msg").getAsString()).contains("nobody");
    assertThat(Instant.parse(line.get("time").getAsString())).isBefore(Instant.now());
  }

  @Test
  void systemdIsNotAskedForAPath() throws IOException {
    Path bundle = bundle("exec sleep 1000");

    assertThat(berth("--systemd-cgroup", "create", "-b", bundle.toString(), id)).isEqualTo(1);

    assertThat(err.toString()).contains("linux.cgroupsPath").contains("slice:prefix:name");
  }

  @Test
  void specIsOneThatCanBeRun() throws IOException {
    assertThat(berth("spec", "--bundle", base.toString())).as(err.toString()).isZero();

    Path config = base.resolve("config.json");
    SpecValidator.validate(RuntimeSpec.parse(Files.readAllBytes(config)));
    assertThat(berth("spec", "--bundle", base.toString())).isEqualTo(1);
    assertThat(err.toString()).contains("is not written over");
    BusyboxBundle.makeRootfs(base.resolve("rootfs"));
    assertThat(berth("plan", base.toString())).as(err.toString()).isZero();
  }

  @Test
  void whatIsNotDoneIsSaid() throws IOException {
    runDetached();
    assertThat(berth("restore", "--image-path", "/nowhere", "other")).isEqualTo(1);
    assertThat(err.toString()).contains("restore: containers are not restored");
    assertThat(berth("checkpoint", "--pre-dump", id)).isEqualTo(1);
    assertThat(err.toString()).contains("only full dumps", "--pre-dump");
    assertThat(berth("checkpoint", "--manage-cgroups-mode", "x", id)).isEqualTo(1);
    assertThat(err.toString()).contains("cgroups_mode");
  }

  @Test
  void versionIsInTheLinesThatProgramsRead() {
    assertThat(berth("--version")).isZero();
    assertThat(out.toString().lines())
        .containsExactly("berth-runtime version 0.1.0", "spec: " + RuntimeSpec.OCI_VERSION);
  }

  private static void end(int pid) {
    try (Fd process = Processes.open(pid).orElseThrow()) {
      Processes.signal(process, 9);
      assertThat(Processes.waitFor(process, Duration.ofSeconds(10))).isPresent();
    }
  }

  private Path root() {
    return base.resolve("run");
  }

  private void runDetached() throws IOException {
    runDetached("exec sleep 1000");
  }

  private void runDetached(String script) throws IOException {
    String log = base.resolve("log").toString();
    assertThat(berth("run", "--detach", "--log-file", log, "-b", bundle(script).toString(), id))
        .as(err.toString())
        .isZero();
  }

  private Path bundle(String script) throws IOException {
    Path bundle = Files.createDirectory(base.resolve("bundle"));
    Path rootfs = BusyboxBundle.makeRootfs(bundle.resolve("rootfs"));
    RuntimeSpec spec =
        BusyboxBundle.spec(rootfs, script)
            .linux(BusyboxBundle.linux().cgroupsPath("/berth-cli-" + id).build())
            .build();
    Files.write(bundle.resolve("config.json"), spec.toJson());
    return bundle;
  }

  private String status() {
    return json("state", id).getAsJsonObject().get("status").getAsString();
  }

  private JsonElement json(String... arguments) {
    assertThat(berth(arguments)).as(err.toString()).isZero();
    return JsonParser.parseString(out.toString());
  }

  /** Runs one command; what it printed is in {@link #out} and {@link #err}. */
  private int berth(String... arguments) {
    out.getBuffer().setLength(0);
    err.getBuffer().setLength(0);
    List<String> all = new ArrayList<>(List.of("--root", root().toString()));
    all.addAll(List.of(arguments));
    CommandLine command =
        RuntimeCli.commandLine()
            .setOut(new PrintWriter(out, true))
            .setErr(new PrintWriter(err, true));
    return command.execute(all.toArray(String[]::new));
  }
}
