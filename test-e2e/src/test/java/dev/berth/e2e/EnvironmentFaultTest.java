package dev.berth.e2e;

import static java.util.concurrent.TimeUnit.MILLISECONDS;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.RunPodSandboxRequest;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.assertj.core.api.ThrowableAssert.ThrowingCallable;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * What Berth depends on fails: a plugin, the disk, the registry. The caller gets one error that
 * names the culprit, nothing is left, and once it is mended the same request succeeds.
 */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class EnvironmentFaultTest {
  private static final int LAYER_BYTES = 3 << 20;

  @TempDir private static Path directory;
  private PrivateHost host;
  private TestRegistry registry;
  private SmallDisk disk;
  private CutProxy proxy;
  private BerthNode node;
  private Pods pods;
  private String image;
  private String big;

  @BeforeAll
  void start() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    registry = new TestRegistry(directory.resolve("registry"));
    disk = new SmallDisk(directory.resolve("disk"), 32);
    proxy = new CutProxy(registry.port());
    node = BerthNode.start(disk.path(), host, "--cni-timeout=4s");
    pods = new Pods(node);
    image = pods.pull(registry.busybox());
    registry.push("big", registry.noise(LAYER_BYTES));
    big = "127.0.0.1:" + proxy.port() + "/big:latest";
    pods.warmUp(image);
  }

  @AfterEach
  void mend() throws IOException {
    disk.empty();
    proxy.mend();
    pods.list().forEach(pods::remove);
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    proxy.close();
    disk.close();
    registry.close();
    host.close();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          echo '{"code": 42, "msg": "no cable", "details": "in eth0"}'; exit 1 | INTERNAL          | failed with code 42: no cable: in eth0
          echo '{"code": 11, "msg": "busy"}'; exit 1                           | UNAVAILABLE       | failed with code 11: busy
          echo 'cannot even parse' >&2; exit 3                                 | INTERNAL          | ended with code 3: cannot even parse
          kill -SEGV $$                                                        | INTERNAL          | ended with code 139: no output
          echo 'this is no JSON'                                               | INTERNAL          | output: not JSON at line 1 column
          sleep 7654322 & wait                                                 | DEADLINE_EXCEEDED | did not end within 4000 ms
          """)
  void failingPluginIsNamedAndUndone(String script, Status.Code code, String text)
      throws IOException {
    PodSandboxConfig config = pod("plugin");
    HostSnapshot before = snapshot();
    host.replacing(
        "portmap",
        "[ \"$CNI_COMMAND\" = DEL ] && exit; " + script,
        () -> assertRefused(() -> pods.run(config), code, "portmap", text));
    assertNothingLeft(before);
    pods.remove(pods.run(config));
    assertNothingLeft(before);
  }

  @Test
  void hangingPluginEndsWithTheCallOfAnImpatientClient() throws IOException {
    PodSandboxConfig config = pod("impatient");
    HostSnapshot before = snapshot();
    host.replacing(
        "portmap",
        "[ \"$CNI_COMMAND\" = DEL ] && exit; sleep 7654322 & wait",
        () ->
            assertRefused(
                () ->
                    node.runtime()
                        .withDeadlineAfter(500, MILLISECONDS)
                        .runPodSandbox(RunPodSandboxRequest.newBuilder().setConfig(config).build()),
                Status.Code.DEADLINE_EXCEEDED,
                "deadline"));
    assertNothingLeft(before);
    pods.remove(pods.run(config));
    assertNothingLeft(before);
  }

  @Test
  void fullDiskEndsAPullMidLayer() throws IOException {
    HostSnapshot before = snapshot();
    disk.leave(LAYER_BYTES / 2);
    assertRefused(() -> pods.pull(big), Status.Code.RESOURCE_EXHAUSTED, big, "no space left");
    disk.empty();
    assertOnlyAPartialLayerIsLeft(before);
    pods.pull(big);
    pods.removeImage(big);
    before.assertRestored();
  }

  @Test
  void fullDiskEndsAPodAndAllowsToRemoveAnother() throws IOException {
    PodSandboxConfig small = pod("disk-small");
    // More than what the records have allocated ahead.
    PodSandboxConfig large =
        pod("disk-large").toBuilder().putAnnotations("text", "x".repeat(512 << 10)).build();
    HostSnapshot before = snapshot();
    String present = pods.run(small);
    disk.fill();
    assertRefused(() -> pods.run(large), Status.Code.RESOURCE_EXHAUSTED, "no space left");
    assertThat(pods.list()).containsExactly(present);
    pods.remove(present);
    assertNothingLeft(before);
    disk.empty();
    pods.remove(pods.run(large));
    assertNothingLeft(before);
  }

  @Test
  void fullDiskEndsAContainer() throws IOException {
    PodSandboxConfig config = pod("disk-container");
    String pod = pods.run(config);
    pods.removeContainer(pods.create(pod, config, sleeper())); // makes the pod's cgroup
    HostSnapshot before = snapshot();
    disk.fill();
    assertRefused(
        () -> pods.create(pod, config, sleeper()), Status.Code.RESOURCE_EXHAUSTED, "no space left");
    disk.empty();
    before.assertRestored();
    pods.launch(pod, config, sleeper());
    pods.remove(pod);
  }

  @Test
  void fullDiskStopsNoContainer() throws IOException {
    PodSandboxConfig config = pod("disk-log");
    String pod = pods.run(config);
    String script =
        "i=0; while [ $i -lt 20000 ]; do echo line-$i; i=$((i+1)); done;"
            + " echo >&2 done; exit 4";
    String id =
        pods.launch(
            pod,
            config,
            Pods.shell("writer", image, "until [ -e /go ]; do sleep 0.1; done; " + script));
    assertThat(pods.exec(id, 10, "touch", "/go").getExitCode()).isZero();
    disk.fill();
    assertThat(pods.awaitExit(id).getExitCode()).isEqualTo(4);
    disk.empty();
    pods.remove(pod);
  }

  @Test
  void podIsRemovedFromAFullDisk() throws IOException {
    PodSandboxConfig config = pod("disk-removal");
    HostSnapshot before = snapshot();
    String pod = pods.run(config);
    pods.launch(pod, config, sleeper());
    disk.fill();
    pods.remove(pod);
    disk.empty();
    assertNothingLeft(before);
  }

  @Test
  void stateDirectoryThatCannotBeWrittenIsNamed() throws IOException {
    PodSandboxConfig config = pod("unwritable");
    HostSnapshot before = snapshot();
    Path sandboxes = node.state().resolve("sandboxes");
    Command.output("chattr", "+i", sandboxes.toString());
    try {
      assertRefused(
          () -> pods.run(config), Status.Code.INTERNAL, sandboxes.toString(), "not permitted");
      assertThat(pods.list()).isEmpty();
    } finally {
      Command.output("chattr", "-i", sandboxes.toString());
    }
    assertNothingLeft(before);
    pods.remove(pods.run(config));
    assertNothingLeft(before);
  }

  /** Of the shim's group: that is where stubs, and so the containers' processes, are born. */
  @Test
  void missingProcessesEndAContainer() throws IOException {
    PodSandboxConfig config = pod("pids");
    String pod = pods.run(config);
    pods.removeContainer(pods.create(pod, config, sleeper())); // makes the pod's cgroup
    HostSnapshot before = snapshot();
    Path limit = Path.of("/sys/fs/cgroup/pids", node.instance() + "-shim", "pids.max");
    Files.writeString(limit, "1");
    try {
      // A clone that fails, or a thread of the shim, whichever is first.
      assertThatThrownBy(() -> pods.create(pod, config, sleeper()))
          .isInstanceOf(StatusRuntimeException.class)
          .hasMessageStartingWith("INTERNAL")
          .hasMessageMatching(
              "(?is).*(resource temporarily unavailable|process/resource limits reached).*");
    } finally {
      Files.writeString(limit, "max");
    }
    pods.removeContainer(pods.launch(pod, config, sleeper())); // brings back the spare stub
    before.assertRestored();
    pods.remove(pod);
  }

  @Test
  void missingDescriptorsEndAPod() throws IOException {
    PodSandboxConfig config = pod("descriptors");
    HostSnapshot before = snapshot();
    String limit = limitOfDescriptors();
    Command.output("prlimit", "--pid=" + node.berthdPid(), "--nofile=8:" + limit);
    try {
      assertRefused(() -> pods.run(config), Status.Code.INTERNAL, "too many open files");
    } finally {
      Command.output("prlimit", "--pid=" + node.berthdPid(), "--nofile=" + limit);
    }
    assertNothingLeft(before);
    pods.remove(pods.run(config));
    assertNothingLeft(before);
  }

  /** Returns the hard limit of berthd, which the soft one is as well. */
  private String limitOfDescriptors() {
    return Command.output(
        "prlimit", "--pid=" + node.berthdPid(), "--nofile", "--noheadings", "--output=HARD");
  }

  @Test
  void registryThatCutsOffMidLayerIsAskedForTheRest() throws IOException {
    HostSnapshot before = snapshot();
    proxy.cut(2, 1_000_000);
    pods.pull(big);
    assertThat(proxy.cutsLeft()).isZero();
    pods.removeImage(big);
    before.assertRestored();
  }

  @Test
  void registryThatIsGoneMidLayerIsNamed() throws IOException {
    HostSnapshot before = snapshot();
    proxy.cutForGood(2_000_000);
    assertRefused(
        () -> pods.pull(big), Status.Code.UNKNOWN, "RegistryUnavailable: pull " + big + ": ");
    assertOnlyAPartialLayerIsLeft(before);
    proxy.mend();
    pods.pull(big);
    pods.removeImage(big);
    before.assertRestored();
  }

  private static void assertRefused(ThrowingCallable call, Status.Code code, String... words) {
    assertThatThrownBy(call)
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> {
              assertThat(e.getStatus().getCode()).as(e.getMessage()).isEqualTo(code);
              for (String word : words) {
                assertThat(e.getStatus().getDescription()).containsIgnoringCase(word);
              }
            });
  }

  private HostSnapshot snapshot() {
    return HostSnapshot.take(node);
  }

  private void assertNothingLeft(HostSnapshot before) throws IOException {
    before.assertRestored();
    assertThat(host.leases()).isEmpty();
    assertThat(ProcessHandle.allProcesses().map(BerthNode::commandLine))
        .noneMatch(line -> line.contains("sleep 7654322"));
    assertThat(pods.list()).isEmpty();
  }

  /** The next pull goes on from it. */
  private void assertOnlyAPartialLayerIsLeft(HostSnapshot before) {
    before.assertRestoredBut("/images/partial/");
  }

  private PodSandboxConfig pod(String name) throws IOException {
    PodSandboxConfig config = pods.config(name);
    Files.createDirectories(Path.of(config.getLogDirectory()));
    return config;
  }

  /** Without a log: that would stay, as the kubelet's. */
  private ContainerConfig sleeper() {
    return Pods.shell("main", image, "sleep 1000").toBuilder().clearLogPath().build();
  }
}
