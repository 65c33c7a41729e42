package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.protobuf.ByteString;
import dev.berth.base.AtomicFiles;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerMetadata;
import dev.berth.proto.cri.v1.ContainerState;
import dev.berth.proto.cri.v1.ContainerStatus;
import dev.berth.proto.cri.v1.Int64Value;
import dev.berth.proto.cri.v1.LinuxContainerConfig;
import dev.berth.proto.cri.v1.LinuxPodSandboxConfig;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.proto.cri.v1.ReopenContainerLogRequest;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** The main job: an image is pulled, a pod runs, and nothing is left of it. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class PodLifecycleTest {
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
    node = BerthNode.start(directory, host);
    pods = new Pods(node);
    image = pods.pull(registry.busybox());
    pods.warmUp(image);
  }

  @AfterAll
  void stop() throws IOException {
    node.close();
    registry.close();
    host.close();
  }

  @Test
  void containersOfAPodTalkOverLocalhostAndLeaveNothing() throws IOException {
    HostSnapshot before = HostSnapshot.take(node);
    PodSandboxConfig config = pods.config("talk");
    String pod = pods.run(config);
    var status =
        node.runtime()
            .podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).build())
            .getStatus();
    assertThat(status.getNetwork().getIp()).startsWith("10.213.78.");

    String web =
        pods.launch(pod, config, Pods.shell("web", image, "exec httpd -f -p 8080 -h /www"));
    String client =
        pods.launch(
            pod,
            config,
            Pods.shell(
                "client", image, "until wget -q -O - http://localhost:8080/; do sleep 0.1; done"));
    assertThat(pods.awaitExit(client).getExitCode()).isZero();
    assertThat(pods.logText(client, "stdout")).containsExactly("hello from the web server");
    assertThat(
            host.run(
                "busybox",
                "wget",
                "-q",
                "-O",
                "-",
                "http://" + status.getNetwork().getIp() + ":8080/"))
        .isEqualTo("hello from the web server");
    assertThat(pods.status(web).getState()).isEqualTo(ContainerState.CONTAINER_RUNNING);

    pods.stop(pod);
    pods.remove(pod);
    assertThat(host.leases()).doesNotContain(status.getNetwork().getIp());
    deleteLogs(config);
    before.assertRestored();
  }

  @Test
  void missingHostPathIsMadeForEverybody() throws IOException {
    PodSandboxConfig config = pods.config("host-path");
    String pod = pods.run(config);
    Path volume = directory.resolve("missing/volume");
    ContainerConfig container =
        Pods.shell("main", image, "exec sleep 1000").toBuilder()
            .addMounts(
                Mount.newBuilder().setHostPath(volume.toString()).setContainerPath("/made/here"))
            .build();
    String id = pods.launch(pod, config, container);
    assertThat(pods.exec(id, 10, "stat", "-c", "%a", "/made", "/made/here").getStdout())
        .isEqualTo(ByteString.copyFromUtf8("755\n755\n"));
    assertThat(Files.getPosixFilePermissions(volume.getParent()))
        .isEqualTo(PosixFilePermissions.fromString("rwxr-xr-x"));
    pods.remove(pod);
  }

  @Test
  void logHasEveryLineOfBothStreamsInOrder() throws IOException {
    PodSandboxConfig config = pods.config("logs");
    String pod = pods.run(config);
    String script =
        "i=0; while [ $i -lt 2000 ]; do echo out-$i; echo err-$i >&2; i=$((i+1)); done;"
            + " printf 'no newline at the end'";
    String id = pods.launch(pod, config, Pods.shell("writer", image, script));
    pods.awaitExit(id);
    List<String> stdout = IntStream.range(0, 2000).mapToObj(i -> "out-" + i).toList();
    List<String> stderr = IntStream.range(0, 2000).mapToObj(i -> "err-" + i).toList();
    assertThat(pods.logText(id, "stdout").subList(0, 2000)).isEqualTo(stdout);
    assertThat(pods.logText(id, "stdout").getLast()).isEqualTo("no newline at the end");
    assertThat(pods.logText(id, "stderr")).isEqualTo(stderr);
    assertThat(pods.log(id))
        .allMatch(line ->
            line.matches(
                "\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{9}\\S+ std(out|err) [PF] .*"));
    pods.remove(pod);
  }

  /** What a pod without a word about namespaces asks for: a pause is the first of them. */
  @Test
  void containersOfAPodCanShareTheirProcesses() throws IOException {
    PodSandboxConfig own = pods.config("shared-pid");
    var config = own.toBuilder().setLinux(LinuxPodSandboxConfig.getDefaultInstance()).build();
    String pod = pods.run(config);
    var container = Pods.shell("main", image, "exec sleep 1000");
    var sharing = container.toBuilder().setLinux(LinuxContainerConfig.getDefaultInstance()).build();
    String first = pods.launch(pod, config, sharing);
    String second =
        pods.launch(
            pod,
            config,
            sharing.toBuilder().setMetadata(ContainerMetadata.newBuilder().setName("two")).build());
    for (String id : List.of(first, second)) {
      assertThat(pods.exec(id, 10, "ps").getStdout().toStringUtf8().lines())
          .filteredOn(line -> line.contains("sleep 1000"))
          .hasSize(2);
    }
    pods.remove(pod);
  }

  @Test
  void privilegedContainerHasAllThatBerthHas() throws IOException {
    PodSandboxConfig own = pods.config("privileged");
    var config = own.toBuilder();
    config.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true);
    String pod = pods.run(config.build());
    var container = Pods.shell("main", image, "exec sleep 1000").toBuilder();
    container.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true).clearSeccomp();
    String id = pods.launch(pod, config.build(), container.build());
    String script = "sed -n s/CapEff:.//p /proc/self/status; hostname other && hostname";
    List<String> ours =
        Files.readAllLines(Path.of("/proc/self/status")).stream()
            .filter(line -> line.startsWith("CapEff:"))
            .map(line -> line.substring("CapEff:".length()).strip())
            .toList();
    assertThat(pods.exec(id, 10, "sh", "-c", script).getStdout().toStringUtf8().lines())
        .containsExactly(ours.getFirst(), "other");
    pods.remove(pod);
  }

  @Test
  void execHasOutputAndExitCode() throws IOException {
    PodSandboxConfig config = pods.config("exec");
    String pod = pods.run(config);
    String id = pods.launch(pod, config, Pods.shell("main", image, "sleep 1000"));
    var result = pods.exec(id, 10, "sh", "-c", "echo out; echo err >&2; exit 7");
    assertThat(result.getStdout().toStringUtf8()).isEqualTo("out\n");
    assertThat(result.getStderr().toStringUtf8()).isEqualTo("err\n");
    assertThat(result.getExitCode()).isEqualTo(7);
    pods.remove(pod);
  }

  @Test
  void userOfAContainerCanOpenItsOwnOutputByName() throws IOException {
    PodSandboxConfig config = pods.config("user");
    String pod = pods.run(config);
    String script = "echo logged > /dev/stdout; exec sleep 1000";
    var container = Pods.shell("main", image, script).toBuilder();
    container
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .setRunAsUser(Int64Value.newBuilder().setValue(1234));
    String id = pods.launch(pod, config, container.build());
    assertThat(
            pods.exec(id, 10, "sh", "-c", "id -u > /dev/stdout; echo e > /dev/stderr").getStdout())
        .isEqualTo(ByteString.copyFromUtf8("1234\n"));
    Await.until(
        "the log has it",
        Duration.ofSeconds(10),
        () -> pods.logText(id, "stdout").equals(List.of("logged")));
    pods.remove(pod);
  }

  @Test
  void execThatTakesTooLongIsKilledAndSaysSo() throws IOException {
    PodSandboxConfig config = pods.config("slow-exec");
    String pod = pods.run(config);
    String id = pods.launch(pod, config, Pods.shell("main", image, "sleep 1000"));
    assertThatThrownBy(() -> pods.exec(id, 1, "sleep", "4711"))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.DEADLINE_EXCEEDED));
    assertThat(pods.exec(id, 10, "ps").getStdout().toStringUtf8())
        .contains("sleep 1000")
        .doesNotContain("sleep 4711");
    pods.remove(pod);
  }

  @Test
  void exitCodesAndSignalsAreTold() throws IOException {
    PodSandboxConfig config = pods.config("exits");
    String pod = pods.run(config);
    ContainerStatus three =
        pods.awaitExit(pods.launch(pod, config, Pods.shell("three", image, "exit 3")));
    assertThat(three.getExitCode()).isEqualTo(3);
    assertThat(three.getReason()).isEqualTo("Error");
    assertThat(three.getFinishedAt()).isGreaterThanOrEqualTo(three.getStartedAt());

    String stubborn =
        pods.launch(pod, config, Pods.shell("stubborn", image, "trap '' TERM; sleep 1000"));
    pods.stopContainer(stubborn, 1);
    assertThat(pods.status(stubborn).getExitCode()).isEqualTo(137);

    String polite =
        pods.launch(
            pod,
            config,
            Pods.shell("polite", image, "trap 'exit 5' TERM; while :; do sleep 0.1; done"));
    pods.stopContainer(polite, 10);
    assertThat(pods.status(polite).getExitCode()).isEqualTo(5);
    pods.remove(pod);
  }

  @Test
  void commandThatDoesNotExistIsAStartError() throws IOException {
    PodSandboxConfig config = pods.config("no-command");
    String pod = pods.run(config);
    String id =
        pods.create(
            pod,
            config,
            Pods.shell("broken", image, "").toBuilder()
                .clearCommand()
                .addCommand("/no/such/program")
                .build());
    assertThatThrownBy(() -> pods.start(id))
        .isInstanceOf(StatusRuntimeException.class)
        .hasMessageContaining("process.args[0]");
    ContainerStatus status = pods.status(id);
    assertThat(status.getState()).isEqualTo(ContainerState.CONTAINER_EXITED);
    assertThat(status.getReason()).isEqualTo("StartError");
    assertThat(status.getExitCode()).isEqualTo(128);
    pods.remove(pod);
  }

  @Test
  void rotatedLogGoesOnInANewFile() throws IOException {
    PodSandboxConfig config = pods.config("rotate");
    String pod = pods.run(config);
    String id =
        pods.launch(
            pod,
            config,
            Pods.shell("writer", image, "i=0; while :; do echo $i; i=$((i+1)); sleep 0.01; done"));
    Path log = Path.of(pods.status(id).getLogPath());
    Await.until("lines", Duration.ofSeconds(10), () -> pods.log(id).size() > 5);
    Path old = log.resolveSibling("writer.log.1");
    Files.move(log, old);
    node.runtime()
        .reopenContainerLog(ReopenContainerLogRequest.newBuilder().setContainerId(id).build());
    assertThat(log).exists();
    int last = Files.readAllLines(old).size();
    Await.until("new lines", Duration.ofSeconds(10), () -> pods.log(id).size() > 5);
    assertThat(Files.readAllLines(old)).hasSize(last);
    assertThat(pods.logText(id, "stdout").getFirst()).isEqualTo(Integer.toString(last));
    pods.remove(pod);
  }

  @Test
  void stopAndRemoveOfWhatIsGoneSucceed() {
    pods.stop("0123456789abcdef");
    pods.remove("0123456789abcdef");
    pods.stopContainer("0123456789abcdef", 1);
    pods.removeContainer("0123456789abcdef");
  }

  private static void deleteLogs(PodSandboxConfig config) throws IOException {
    AtomicFiles.deleteTree(Path.of(config.getLogDirectory()));
  }
}
