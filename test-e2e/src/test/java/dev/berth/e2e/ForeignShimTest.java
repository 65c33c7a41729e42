package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.base.AtomicFiles;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ExecSyncResponse;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.RunPodSandboxRequest;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Handlers of the configuration file with containerd's shim, and what it can call. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class ForeignShimTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir private static Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private BerthNode node;
  private Pods pods;
  private String image;

  @BeforeAll
  void start() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    node = BerthNode.start(directory, host, "--config=" + configuration());
    pods = new Pods(node);
    image = pods.pull(registry.busybox());
    warmUp();
  }

  /** With both kinds of shim: what they use first stays. */
  private void warmUp() throws IOException {
    pods.warmUp(image);
    PodSandboxConfig config = pods.config("warm-up");
    String pod = run(config, "runc");
    String id = pods.launch(pod, config, Pods.shell("main", image, "exec sleep 1000"));
    ExecSyncResponse _ = pods.exec(id, 10, "true");
    pods.remove(pod);
    AtomicFiles.deleteTree(Path.of(config.getLogDirectory()));
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  private static Path configuration() throws IOException {
    Path file = directory.resolve("config.toml");
    return Files.writeString(
        file,
        """
        [handlers.runc]
        shim = "containerd-shim-runc-v2"
        oci_runtime = "/usr/sbin/runc"
        [handlers.crun]
        shim = "containerd-shim-runc-v2"
        oci_runtime = "%s"
        [handlers.berth-runtime]
        shim = "containerd-shim-runc-v2"
        oci_runtime = "%s"
        [handlers.sandboxed]
        shim = "containerd-shim-runc-v2"
        oci_runtime = "/usr/sbin/runc"
        sandbox_task = true
        [handlers.runsc]
        shim = "containerd-shim-runc-v2"
        oci_runtime = "%s"
        """
            .formatted(crun(), BerthNode.distribution().resolve("bin/berth-runtime"), runsc()));
  }

  /** Debian's crun refuses a host where both versions of cgroups have controllers. */
  private static Path crun() throws IOException {
    return program(
        "crun",
        """
        #!/bin/sh
        exec unshare --mount sh -c '[ ! -d /sys/fs/cgroup/unified ] ||
          mount -t tmpfs none /sys/fs/cgroup/unified; exec crun "$@"' crun "$@"
        """);
  }

  /**
   * A sandbox of gVisor's for each container. One for all of a pod takes gVisor's own shim: that of
   * runc gives a container's output away before it is started, when runsc wants it, and waits for
   * the process that runsc names, which is the sandbox and not the container.
   *
   * <p>The network is that of the pod's namespace as it is. A runsc of 2022 takes a namespace for
   * the host's where {@code net.core.rmem_default} can be seen, which later kernels show in all,
   * and refuses to put its own network there.
   */
  private static Path runsc() throws IOException {
    return program(
        "runsc",
        """
        #!/bin/sh
        for word; do
          [ "$before" = --bundle ] && config=$word/config.json
          before=$word
        done
        [ -z "$config" ] || sed -i 's|\\(cri.container-type": *\\)"container"|\\1"sandbox"|' "$config"
        platform=systrap
        runsc --platform=systrap list > /dev/null 2>&1 || platform=ptrace
        exec runsc --platform=$platform --network=host "$@"
        """);
  }

  private static Path program(String name, String script) throws IOException {
    Path file = Files.writeString(directory.resolve(name), script);
    return Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rwxr-xr-x"));
  }

  @ParameterizedTest
  @ValueSource(strings = {"runc", "crun", "berth-runtime", "sandboxed"})
  void podRunsAndEndsWithItsShim(String handler) throws IOException {
    assertThat(liveOf(handler)).doesNotContain("Linux 4.4.0");
  }

  @Test
  void gvisorRunsContainersAndEndsWithItsShim() throws IOException {
    assumeTrue(
        Stream.of(System.getenv("PATH").split(File.pathSeparator, -1))
            .anyMatch(path -> Files.isExecutable(Path.of(path, "runsc"))),
        "runsc is not in PATH");
    assertThat(liveOf("runsc")).startsWith("Linux 4.4.0"); // what it says it is
  }

  @Test
  void podOfAHandlerWithASandboxTaskIsATaskItself() throws IOException {
    PodSandboxConfig config = pods.config("task");
    String pod = run(config, "sandboxed");
    Path root = node.state().resolve("runc").resolve(node.instance());
    String state = Command.output("runc", "--root", root.toString(), "state", pod);
    assertThat(state)
        .contains("\"status\": \"running\"")
        .contains("\"io.kubernetes.cri.container-type\": \"sandbox\"")
        .contains("\"io.kubernetes.cri.sandbox-name\": \"task\"")
        .contains("\"io.kubernetes.cri.sandbox-namespace\": \"e2e\"")
        .contains(
            "\"io.kubernetes.cri.sandbox-log-directory\": \"" + config.getLogDirectory() + "\"");
    assertThat(node.audit()).isEmpty();
    node.terminate();
    node.start();
    assertThat(pods.list()).contains(pod);
    warmUp(); // the new process
    pods.stop(pod);
    pods.remove(pod);
    assertThat(node.audit()).isEmpty();
    AtomicFiles.deleteTree(Path.of(config.getLogDirectory()));
  }

  /** Lives the life of a pod; returns what a command in it says of its kernel. */
  private String liveOf(String handler) throws IOException {
    HostSnapshot before = HostSnapshot.take(node);
    PodSandboxConfig config = pods.config("life-" + handler);
    String pod = run(config, handler);
    String id =
        pods.launch(
            pod, config, Pods.shell("main", image, "echo hello; echo bad >&2; exec sleep 1000"));
    ExecSyncResponse kernel = pods.exec(id, 10, "sh", "-c", "uname -sr; exit 3");
    assertThat(kernel.getExitCode()).isEqualTo(3);
    Await.until("both lines are logged", LIMIT, () -> pods.log(id).size() == 2);
    assertThat(pods.logText(id, "stdout")).containsExactly("hello");
    assertThat(pods.logText(id, "stderr")).containsExactly("bad");
    assertThat(pods.runToEnd(pod, config, Pods.shell("ends", image, "echo bye; exit 7")))
        .isEqualTo(new Pods.Ended(7, "bye\n", ""));
    pods.removeContainer(pods.create(pod, config, Pods.shell("created", image, "exit 0")));

    List<ProcessHandle> shims = shimsOf(pod);
    assertThat(shims).isNotEmpty();
    shims.forEach(ProcessHandle::destroyForcibly);
    assertThat(pods.awaitExit(id).getExitCode()).isEqualTo(137);
    assertThat(pods.status(id).getState()).isEqualTo(ContainerState.CONTAINER_EXITED);
    pods.removeContainer(id);
    pods.remove(pod);
    AtomicFiles.deleteTree(Path.of(config.getLogDirectory()));
    before.assertRestored();
    assertThat(node.audit()).isEmpty();
    return kernel.getStdout().toStringUtf8();
  }

  private String run(PodSandboxConfig config, String handler) throws IOException {
    Files.createDirectories(Path.of(config.getLogDirectory()));
    var request = RunPodSandboxRequest.newBuilder().setConfig(config).setRuntimeHandler(handler);
    return node.runtime().runPodSandbox(request.build()).getPodSandboxId();
  }

  /** Returns the shims of the only pod that there is which are containerd's. */
  private List<ProcessHandle> shimsOf(String pod) {
    assertThat(pods.list()).containsExactly(pod);
    return ProcessHandle.allProcesses()
        .filter(process -> {
          String line = BerthNode.commandLine(process);
          return line.contains("containerd-shim-runc-v2")
              && line.contains("-namespace " + node.instance() + " ");
        })
        .toList();
  }
}
