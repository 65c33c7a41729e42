package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.AtomicFiles;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
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

/** Debian's podman, with its conmon, runs containers by {@code berth-runtime}. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PodmanTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final String IMAGE = "localhost/busybox";

  @TempDir private static Path directory;
  private final String cgroupParent = "/berth-podman-" + ProcessHandle.current().pid();

  @BeforeAll
  void importImage() throws IOException {
    Path program =
        Files.writeString(
            directory.resolve("berth-runtime"),
            "#!/bin/sh\nexec \"%s\" --root \"%s\" \"$@\"\n"
                .formatted(BerthNode.distribution().resolve("bin/berth-runtime"), records()));
    Files.setPosixFilePermissions(program, PosixFilePermissions.fromString("rwxr-xr-x"));
    // A limit that podman asks for by default may be above what this machine lets anybody have.
    Files.writeString(
        directory.resolve("containers.conf"),
        """
        [containers]
        default_ulimits = ["nofile=1024:1024", "nproc=4096:4096"]
        log_driver = "k8s-file"
        [engine]
        lock_type = "file"
        events_logger = "none"
        runtime_supports_json = ["berth-runtime"]
        """);
    Path tree = BusyboxBundle.makeRootfs(directory.resolve("tree"));
    TestRegistry.tar(tree);
    podman("import", "--change", "ENV PATH=/bin", tree + ".tar", IMAGE).succeeded();
  }

  @AfterEach
  void removeContainers() throws IOException {
    podman("rm", "--all", "--force", "--time", "0").succeeded();
    assertThat(names(records())).isEmpty();
  }

  @AfterAll
  void removeWhatPodmanKeeps() throws IOException {
    // Its conmons end by themselves, a moment after their containers.
    Await.until("the cgroups are removed", LIMIT, this::removeCgroups);
    AtomicFiles.deleteTree(directory.resolve("root"));
  }

  private boolean removeCgroups() throws IOException {
    try (Stream<Path> found = Files.walk(Path.of("/sys/fs/cgroup"), 4)) {
      List<Path> groups =
          found
              .filter(path -> path.toString().contains(cgroupParent) && Files.isDirectory(path))
              .sorted()
              .toList();
      for (Path group : groups.reversed()) {
        Files.delete(group);
      }
      return true;
    } catch (FileSystemException e) {
      return false; // busy
    }
  }

  @Test
  void outputAndExitCodeAreTheContainers() {
    Command run = run("--rm", IMAGE, "sh", "-c", "echo out; echo err >&2; exit 7");
    assertThat(run.stdout()).isEqualTo("out\n");
    assertThat(run.stderr()).isEqualTo("err\n");
    assertThat(run.exitCode()).isEqualTo(7);
    assertThat(run("--rm", IMAGE, "sh", "-c", "kill -9 $$; sleep 9 & wait").exitCode()).isZero();
  }

  @Test
  void programThatCannotBeExecutedIsToldFromOneThatFails() {
    Command missing = run(IMAGE, "nosuch");
    assertThat(missing.exitCode()).as(missing.stderr()).isEqualTo(127);
    assertThat(missing.stderr()).contains("\"nosuch\": executable file not found in $PATH");
    Command refused = run(IMAGE, "/etc");
    assertThat(refused.exitCode()).as(refused.stderr()).isEqualTo(126);
  }

  @Test
  void detachedContainerIsLoggedEnteredAndStopped() {
    run("-d", "--name", "one", IMAGE, "sh", "-c", "trap 'exit 9' TERM; echo up; sleep 99 & wait")
        .succeeded();
    Await.until("it logs", LIMIT, () -> output("logs", "one").equals("up"));

    Command exec = podman("exec", "--env", "A=b", "one", "sh", "-c", "echo $A; echo e >&2; exit 4");
    assertThat(exec.stdout()).isEqualTo("b\n");
    assertThat(exec.stderr()).contains("e\n");
    assertThat(exec.exitCode()).isEqualTo(4);
    assertThat(podman("exec", "one", "nosuch").exitCode()).isEqualTo(127);
    assertThat(podman("exec", "-d", "one", "sh", "-c", "echo late >/proc/1/fd/1").exitCode())
        .isZero();
    Await.until("it logs that too", LIMIT, () -> output("logs", "one").endsWith("late"));
    assertThat(output("top", "one", "pid", "args")).contains("sleep 99");

    podman("stop", "--time", "10", "one").succeeded();
    assertThat(inspect("one", "{{.State.ExitCode}} {{.State.Status}}")).isEqualTo("9 exited");
    podman("start", "one").succeeded();
    assertThat(inspect("one", "{{.State.Status}}")).isEqualTo("running");
    podman("kill", "--signal", "KILL", "one").succeeded();
    Await.until("it is dead", LIMIT, () -> inspect("one", "{{.State.ExitCode}}").equals("137"));
    podman("rm", "one").succeeded();
  }

  @Test
  void pausedContainerGoesOn() {
    run("-d", "--name", "paused", IMAGE, "sleep", "99").succeeded();
    podman("pause", "paused").succeeded();
    assertThat(inspect("paused", "{{.State.Status}}")).isEqualTo("paused");
    podman("unpause", "paused").succeeded();
    assertThat(podman("exec", "paused", "true").exitCode()).isZero();
  }

  @Test
  void terminalIsTheCallers() {
    Command run =
        onTerminal(
            "hello",
            "run -it --rm --network none --cgroup-parent " + cgroupParent,
            "tty; read x; echo got $x; exit 3");
    assertThat(run.exitCode()).as(run.stdout()).isEqualTo(3);
    assertThat(run.stdout()).contains("/dev/pts/0", "got hello");

    run("-d", "--name", "terminal", IMAGE, "sleep", "99").succeeded();
    Command exec =
        Command.run(
            environment(),
            List.of(
                "sh",
                "-c",
                "echo word | script -qec \"$0 exec -it terminal sh -c"
                    + " 'test -t 1; read x; echo got \\$x; exit 5'\" /dev/null",
                String.join(" ", podman())));
    assertThat(exec.exitCode()).as(exec.stdout()).isEqualTo(5);
    assertThat(exec.stdout()).contains("got word");
  }

  private Command onTerminal(String typed, String options, String script) {
    String line =
        "%s %s %s sh -c '%s'"
            .formatted(String.join(" ", podman()), options, IMAGE, script.replace("$", "\\$"));
    return Command.run(
        environment(),
        List.of("sh", "-c", "echo " + typed + " | script -qec \"" + line + "\" /dev/null"));
  }

  @Test
  void limitsAndNamespacesAreThoseThatAreAskedFor() throws IOException {
    run(
            "-d",
            "--name",
            "limited",
            "--pid",
            "host",
            "--memory",
            "64m",
            "--pids-limit",
            "33",
            IMAGE,
            "sleep",
            "99")
        .succeeded();
    long pid = Long.parseLong(inspect("limited", "{{.State.Pid}}"));
    assertThat(Files.readSymbolicLink(Path.of("/proc/" + pid + "/ns/pid")))
        .isEqualTo(Files.readSymbolicLink(Path.of("/proc/self/ns/pid")));
    assertThat(setting(pid, "memory.limit_in_bytes", "memory.max")).isEqualTo("" + (64 << 20));
    assertThat(setting(pid, "pids.max", "pids.max")).isEqualTo("33");
  }

  private static String setting(long pid, String nameInV1, String nameInV2) throws IOException {
    for (String line : Files.readAllLines(Path.of("/proc/" + pid + "/cgroup"))) {
      String[] fields = line.split(":", 3);
      Path v1 = Path.of("/sys/fs/cgroup", fields[1], fields[2], nameInV1);
      Path v2 = Path.of("/sys/fs/cgroup", fields[2], nameInV2);
      for (Path file : fields[1].isEmpty() ? List.of(v2) : List.of(v1)) {
        if (Files.exists(file)) {
          return Files.readString(file).strip();
        }
      }
    }
    throw new AssertionError("no cgroup of pid " + pid + " has " + nameInV1);
  }

  @Test
  void confinedContainerHasNoMoreThanItIsGiven() {
    String status =
        run(
                "--rm",
                "--read-only",
                "--cap-drop",
                "all",
                "--security-opt",
                "no-new-privileges",
                "--user",
                "1000:1001",
                "--workdir",
                "/tmp",
                "--hostname",
                "boat",
                IMAGE,
                "sh",
                "-c",
                "hostname; pwd; id -u; id -g; cat /proc/self/status; touch /x || echo readonly")
            .succeeded()
            .stdout();
    assertThat(status)
        .startsWith("boat\n/tmp\n1000\n1001\n")
        .containsPattern("CapBnd:\\s0{16}\n")
        .containsPattern("NoNewPrivs:\\s1\n")
        .containsPattern("Seccomp:\\s2\n")
        .endsWith("readonly\n");
  }

  @Test
  void userNamespaceMapsWhatPodmanSays() {
    Command run =
        run(
            "--rm",
            "--uidmap",
            "0:100000:5000",
            IMAGE,
            "sh",
            "-c",
            "id -u; cat /proc/self/uid_map");
    assertThat(run.succeeded().stdout()).containsPattern("^0\n\\s+0\\s+100000\\s+5000\n$");
  }

  @Test
  void descriptorsOfTheCallerArePassedOn() throws IOException {
    Path file = Files.writeString(directory.resolve("passed"), "content\n");
    Command run =
        Command.run(
            environment(),
            List.of(
                "sh",
                "-c",
                "exec 3</dev/null 4<%s; exec %s run --rm --network none --preserve-fds 2 --cgroup-parent %s %s %s"
                    .formatted(
                        file,
                        String.join(" ", podman()),
                        cgroupParent,
                        IMAGE,
                        "sh -c 'cat <&4; ls /proc/self/fd | wc -l'")));
    assertThat(run.succeeded().stdout()).startsWith("content\n");
  }

  @Test
  void rejectedConfigurationNamesItsField() {
    Command run = run("--ulimit", "nofile=2147483647:2147483647", IMAGE, "true");
    assertThat(run.exitCode()).isEqualTo(126);
    assertThat(run.stderr()).contains("process.rlimits RLIMIT_NOFILE");
  }

  private Command run(String... words) {
    List<String> all =
        new ArrayList<>(List.of("run", "--network", "none", "--cgroup-parent", cgroupParent));
    all.addAll(List.of(words));
    return podman(all.toArray(String[]::new));
  }

  private String output(String... words) {
    return podman(words).succeeded().stdout().stripTrailing();
  }

  private String inspect(String container, String format) {
    return output("inspect", "--format", format, container);
  }

  private Command podman(String... words) {
    List<String> all = new ArrayList<>(podman());
    all.addAll(List.of(words));
    return Command.run(environment(), all);
  }

  private static Map<String, String> environment() {
    return Map.of("CONTAINERS_CONF", directory.resolve("containers.conf").toString());
  }

  private static List<String> podman() {
    return List.of(
        "podman",
        "--root",
        directory.resolve("root").toString(),
        "--runroot",
        directory.resolve("runroot").toString(),
        "--tmpdir",
        directory.resolve("tmp").toString(),
        "--storage-driver",
        "vfs",
        "--cgroup-manager",
        "cgroupfs",
        "--runtime",
        directory.resolve("berth-runtime").toString());
  }

  private static Path records() {
    return directory.resolve("records");
  }

  private static List<String> names(Path folder) throws IOException {
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    try (Stream<Path> files = Files.list(folder)) {
      return files.map(file -> file.getFileName().toString()).toList();
    }
  }
}
