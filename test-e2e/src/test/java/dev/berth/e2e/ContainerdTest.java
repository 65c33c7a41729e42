package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.AtomicFiles;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerStats;
import dev.berth.proto.cri.v1.ContainerStatsRequest;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** Debian's containerd runs containers and pods on {@code containerd-shim-berth-v2}. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ContainerdTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Map<String, ?> PAUSE =
      Map.of("Entrypoint", List.of("/bin/sh", "-c", "exec sleep 1000"));

  @TempDir private static Path directory;
  private final String cgroups = "/berth-ctd-" + ProcessHandle.current().pid();
  private PrivateHost host;
  private TestRegistry registry;
  private Containerd containerd;
  private Path rootfs;

  @BeforeAll
  void start() throws Exception {
    rootfs = BusyboxBundle.makeRootfs(directory.resolve("rootfs"));
    host = new PrivateHost(directory.resolve("host"));
    Files.copy(
        Path.of("/usr/lib/cni/loopback"),
        host.binDir().resolve("loopback"),
        StandardCopyOption.COPY_ATTRIBUTES);
    registry = new TestRegistry(directory.resolve("registry"));
    String pause = registry.push("pause", registry.busyboxLayer(), PAUSE);
    containerd = new Containerd(directory, host, pause);
  }

  @AfterAll
  void stop() throws Exception {
    containerd.close();
    registry.close();
    host.close();
    AtomicFiles.deleteTree(directory.resolve("root"));
    removeCgroups();
  }

  /** Containerd leaves those above its containers'. */
  private void removeCgroups() throws IOException {
    try (Stream<Path> hierarchies = Files.list(Path.of("/sys/fs/cgroup"))) {
      for (Path hierarchy : hierarchies.toList()) {
        Files.deleteIfExists(hierarchy.resolve(cgroups.substring(1)));
      }
    }
    Files.deleteIfExists(Path.of("/sys/fs/cgroup" + cgroups));
  }

  @AfterEach
  void nothingIsLeft() throws IOException {
    containerd.ctr("tasks", "ls", "-q").stdout().lines().forEach(this::remove);
    assertThat(containerd.taskDirectories()).isEmpty();
    assertThat(containerd.ctr("tasks", "ls", "-q").stdout()).isEmpty();
  }

  private void remove(String id) {
    var _ = containerd.ctr("tasks", "rm", "--force", id);
    containerd.ctr("containers", "rm", id).succeeded();
  }

  private Command run(String id, List<String> options, String script) {
    return Command.run(Map.of(), line(id, options, script));
  }

  private List<String> line(String id, List<String> options, String script) {
    List<String> words =
        new ArrayList<>(containerd.command("run", "--runtime", Containerd.RUNTIME));
    words.addAll(options);
    words.addAll(List.of("--cgroup", cgroups + "/" + id, "--rootfs", rootfs.toString(), id));
    words.addAll(List.of("sh", "-c", script));
    return words;
  }

  private void runDetached(String id, String script) {
    run(id, List.of("--detach"), script).succeeded();
  }

  private String status(String id) {
    return containerd
        .ctr("tasks", "ls")
        .stdout()
        .lines()
        .map(line -> line.strip().split("\\s+"))
        .filter(words -> words[0].equals(id))
        .map(words -> words[2])
        .findFirst()
        .orElse("none");
  }

  @Test
  void outputAndExitCodeAreTheContainers() {
    Command run = run("short", List.of("--rm"), "echo out; echo err >&2; exit 7");
    assertThat(run.stdout()).isEqualTo("out\n");
    assertThat(run.stderr()).startsWith("err\n");
    assertThat(run.exitCode()).isEqualTo(7);
  }

  @Test
  void containerLivesThroughItsStatesAndContainerdHearsOfThem() throws Exception {
    Path heard = directory.resolve("events");
    Process events =
        new ProcessBuilder(containerd.command("events")).redirectOutput(heard.toFile()).start();
    try {
      Await.until(
          "events are told",
          LIMIT,
          () -> {
            containerd.ctr("namespaces", "label", "default", "a=" + System.nanoTime()).succeeded();
            return Files.readString(heard).contains("/namespaces/update");
          });
      runDetached("main", "trap 'exit 9' TERM; sleep 1000 & wait");
      assertThat(status("main")).isEqualTo("RUNNING");
      containerd.ctr("tasks", "pause", "main").succeeded();
      assertThat(status("main")).isEqualTo("PAUSED");
      containerd.ctr("tasks", "resume", "main").succeeded();
      containerd.ctr("tasks", "exec", "--exec-id", "e", "main", "true").succeeded();
      containerd.ctr("tasks", "kill", "--signal", "TERM", "main").succeeded();
      Await.until("it has ended", LIMIT, () -> status("main").equals("STOPPED"));
      assertThat(containerd.ctr("tasks", "rm", "main").stderr()).contains("exit code 9");
      containerd.ctr("containers", "rm", "main").succeeded();
      Await.until("all is heard", LIMIT, () -> Files.readString(heard).contains("/tasks/delete"));
    } finally {
      events.destroyForcibly().waitFor();
    }
    assertThat(Files.readString(heard))
        .containsSubsequence(
            "/tasks/create",
            "/tasks/start",
            "/tasks/paused",
            "/tasks/resumed",
            "/tasks/exec-added",
            "/tasks/exec-started",
            "/tasks/exit",
            "/tasks/exit",
            "/tasks/delete");
  }

  @Test
  void commandInAContainerHasItsOwnStreamsAndCode() {
    runDetached("main", "sleep 1000");
    Command exec =
        containerd.ctr("tasks", "exec", "--exec-id", "e", "main", "sh", "-c", "echo in; exit 4");
    assertThat(exec.stdout()).isEqualTo("in\n");
    assertThat(exec.exitCode()).isEqualTo(4);
    String cat = String.join(" ", containerd.command("tasks", "exec", "--exec-id", "cat", "main"));
    assertThat(Command.output("sh", "-c", "echo typed | " + cat + " cat")).isEqualTo("typed");
  }

  @Test
  void processesAndFiguresOfAContainerAreTold() {
    runDetached("main", "sleep 1000 & wait");
    Command processes = containerd.ctr("tasks", "ps", "main").succeeded();
    assertThat(processes.stdout().lines().skip(1)).hasSize(2);
    Command metrics = containerd.ctr("tasks", "metrics", "main").succeeded();
    assertThat(metrics.stdout())
        .containsPattern("pids.current\\s+2 ")
        .containsPattern("memory.*usage");
  }

  @Test
  void terminalIsTheCallers() {
    List<String> words = line("terminal", List.of("--rm", "--tty"), "tty; exit 5");
    String line = "'" + String.join("' '", words) + "'";
    Command run =
        Command.run(Map.of("LINE", line), List.of("script", "-qec", "eval $LINE", "/dev/null"));
    assertThat(run.stdout()).contains("/dev/pts/0");
    assertThat(run.exitCode()).isEqualTo(5);
  }

  @Test
  void outputGoesToFilesAndLoggers() throws IOException {
    Path file = directory.resolve("file.log");
    run("tofile", List.of("--detach", "--log-uri", "file://" + file), "echo copied").succeeded();
    Await.until("it is written", LIMIT, () -> Files.exists(file) && Files.size(file) > 0);
    assertThat(file).hasContent("copied\n");
    Path log = directory.resolve("berth.log");
    String logger =
        "binary://" + BerthNode.distribution().resolve("bin/berth-init") + "?copy=" + log;
    run("tologger", List.of("--detach", "--log-uri", logger), "echo logged").succeeded();
    Await.until("it is logged", LIMIT, () -> Files.exists(log) && Files.size(log) > 0);
    assertThat(log).hasContent("logged\n");
  }

  @Test
  void oneShimServesAllAndIsFoundWithoutAJvm() {
    runDetached("one", "sleep 1000");
    runDetached("two", "sleep 1000");
    assertThat(containerd.shims("default")).hasSize(1);
    String start = containerd.shimWithoutJvm("-id", "three", "start").stdout();
    assertThat(start.replaceAll("\\s", "")).startsWith("unix:///run/berth-ctd-");
    assertThat(containerd.shimWithoutJvm("-id", "three", "delete").stdout()).isNotEmpty();
    assertThat(containerd.shimWithoutJvm("-id", "one", "delete").stdout()).isEmpty();
  }

  @Test
  void restartedContainerdFindsItsContainersAgain() throws Exception {
    runDetached("main", "sleep 1000");
    containerd.stop();
    containerd.start();
    assertThat(status("main")).isEqualTo("RUNNING");
    Command exec = containerd.ctr("tasks", "exec", "--exec-id", "e", "main", "echo", "here");
    assertThat(exec.succeeded().stdout()).isEqualTo("here\n");
  }

  @Test
  void podsRunThroughTheCriPlugin() throws Exception {
    var pods = new Pods(containerd);
    String image = pods.pull(registry.busybox());
    PodSandboxConfig.Builder asked = pods.config("pod").toBuilder();
    asked.getLinuxBuilder().setCgroupParent(cgroups);
    PodSandboxConfig config = asked.build();
    String pod = pods.run(config);
    try {
      ContainerConfig main = Pods.shell("main", image, "echo logged; sleep 1000");
      String id = pods.launch(pod, config, main);
      assertThat(pods.exec(id, 10, "echo", "in").getStdout().toStringUtf8()).isEqualTo("in\n");
      Await.until("it logs", LIMIT, () -> !pods.log(id).isEmpty());
      assertThat(pods.logText(id, "stdout")).containsExactly("logged");
      assertThat(statsOf(id).getMemory().getUsageBytes().getValue()).isPositive();
      pods.limitMemory(id, 64 << 20);
      assertThat(pods.status(id).getResources().getLinux().getMemoryLimitInBytes())
          .isEqualTo(64 << 20);

      ContainerConfig short1 = Pods.shell("short", image, "exit 7");
      assertThat(pods.awaitExit(pods.launch(pod, config, short1)).getExitCode()).isEqualTo(7);
      assertThat(containerd.shims("k8s.io")).hasSize(1);
      pods.stopContainer(id, 0);
      assertThat(pods.awaitExit(id).getExitCode()).isEqualTo(137);
    } finally {
      pods.stop(pod);
      pods.remove(pod);
    }
  }

  private ContainerStats statsOf(String id) {
    var request = ContainerStatsRequest.newBuilder().setContainerId(id).build();
    return containerd.runtime().containerStats(request).getStats();
  }

  /** By its protocol: the runtime lets the shim's binary delete what a lost shim had. */
  @Test
  void deadShimMeansDeadTasksToContainerd() {
    runDetached("main", "sleep 1000");
    containerd.shims("default").forEach(ProcessHandle::destroyForcibly);
    Await.until("its task is gone", LIMIT, () -> !status("main").equals("RUNNING"));
    Await.until("nothing is left of it", LIMIT, () -> containerd.taskDirectories().isEmpty());
  }
}
