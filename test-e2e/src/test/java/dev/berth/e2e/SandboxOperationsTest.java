package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.DNSConfig;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.ListPodSandboxRequest;
import dev.berth.proto.cri.v1.PodSandbox;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxFilter;
import dev.berth.proto.cri.v1.PodSandboxMetadata;
import dev.berth.proto.cri.v1.PodSandboxState;
import dev.berth.proto.cri.v1.PodSandboxStatus;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.proto.cri.v1.PortMapping;
import dev.berth.proto.cri.v1.RemoveImageRequest;
import dev.berth.proto.cri.v1.RuntimeCondition;
import dev.berth.proto.cri.v1.StatusRequest;
import dev.berth.proto.cri.v1.VersionRequest;
import dev.berth.proto.cri.v1.VersionResponse;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;

/** What a client does with a pod, one call at a time. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SandboxOperationsTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final String ABSENT = "0123456789abcdef".repeat(4);

  @TempDir private static Path directory;
  private PodNode started;
  private Pods pods;

  @BeforeAll
  void start() throws Exception {
    started = PodNode.start(directory);
    pods = started.pods();
  }

  @AfterEach
  void removePods() {
    pods.list().forEach(pods::remove);
  }

  @AfterAll
  void stop() throws IOException {
    started.close();
  }

  private PodSandboxStatus status(String id) {
    return started
        .node()
        .runtime()
        .podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId(id).build())
        .getStatus();
  }

  @Test
  void runningPodIsReadyAndListed() throws IOException {
    String id = pods.run(pods.config("run"));
    assertThat(status(id).getState()).isEqualTo(PodSandboxState.SANDBOX_READY);
    assertThat(pods.list()).containsExactly(id);
  }

  @Test
  void stoppedPodIsNotReady() throws IOException {
    String id = pods.run(pods.config("stop"));
    pods.stop(id);
    assertThat(status(id).getState()).isEqualTo(PodSandboxState.SANDBOX_NOTREADY);
  }

  @Test
  void removedPodIsNotListed() throws IOException {
    String id = pods.run(pods.config("remove"));
    pods.stop(id);
    pods.remove(id);
    assertThat(pods.list()).isEmpty();
  }

  @Test
  void wholeLifeCanBeHadAgainUnderTheSameName() throws IOException {
    for (int round = 0; round < 3; round++) {
      PodSandboxConfig config = pods.config("again");
      String id = pods.run(config);
      pods.launch(id, config, Pods.shell("main", started.image(), "exec sleep 1000"));
      pods.stop(id);
      pods.remove(id);
    }
    assertThat(pods.list()).isEmpty();
  }

  @Test
  void attributesAreKept() throws IOException {
    PodSandboxConfig wanted =
        pods.config("attributes").toBuilder()
            .setMetadata(
                PodSandboxMetadata.newBuilder()
                    .setName("attributes")
                    .setNamespace("space")
                    .setUid("uid")
                    .setAttempt(3))
            .putAllLabels(Map.of("foo", "bar", "empty", ""))
            .putAllAnnotations(Map.of("a.b/c", "d=e,f", "ünï", "✓"))
            .build();
    String id = pods.run(wanted);
    PodSandboxStatus status = status(id);
    assertThat(status.getMetadata()).isEqualTo(wanted.getMetadata());
    assertThat(status.getLabelsMap()).isEqualTo(wanted.getLabelsMap());
    assertThat(status.getAnnotationsMap()).isEqualTo(wanted.getAnnotationsMap());
    PodSandbox listed =
        started
            .node()
            .runtime()
            .listPodSandbox(
                ListPodSandboxRequest.newBuilder()
                    .setFilter(PodSandboxFilter.newBuilder().setId(id.substring(0, 12)))
                    .build())
            .getItems(0);
    assertThat(listed.getMetadata()).isEqualTo(wanted.getMetadata());
    assertThat(listed.getLabelsMap()).isEqualTo(wanted.getLabelsMap());
    assertThat(listed.getAnnotationsMap()).isEqualTo(wanted.getAnnotationsMap());
  }

  @Test
  void safeSysctlsAreSet() throws IOException {
    assertThat(sysctl("kernel.shm_rmid_forced", "1")).isEqualTo("1");
  }

  @Test
  void unsafeSysctlsAreSet() throws IOException {
    assertThat(sysctl("fs.mqueue.msg_max", "100")).isEqualTo("100");
  }

  private String sysctl(String name, String value) throws IOException {
    PodSandboxConfig.Builder config = pods.config("sysctl").toBuilder();
    config.getLinuxBuilder().putSysctls(name, value);
    String id = pods.run(config.build());
    String file = "/proc/sys/" + name.replace('.', '/');
    return pods.runToEnd(id, config.build(), Pods.shell("main", started.image(), "cat " + file))
        .stdout()
        .strip();
  }

  @Test
  void versionHasAllItsParts() {
    VersionResponse version = started.node().runtime().version(VersionRequest.getDefaultInstance());
    assertThat(
            List.of(
                version.getVersion(),
                version.getRuntimeName(),
                version.getRuntimeVersion(),
                version.getRuntimeApiVersion()))
        .doesNotContain("");
  }

  @Test
  void statusHasTheConditionsThatAreRequired() {
    assertThat(
            started
                .node()
                .runtime()
                .status(StatusRequest.getDefaultInstance())
                .getStatus()
                .getConditionsList())
        .filteredOn(RuntimeCondition::getStatus)
        .extracting(RuntimeCondition::getType)
        .contains("RuntimeReady", "NetworkReady");
  }

  @Test
  void resolverIsWhatThePodAsksFor() throws IOException {
    PodSandboxConfig config =
        pods.config("dns").toBuilder()
            .setDnsConfig(
                DNSConfig.newBuilder()
                    .addServers("10.10.10.10")
                    .addSearches("google.com")
                    .addOptions("ndots:8"))
            .build();
    assertThat(run(config, "cat /etc/resolv.conf").lines())
        .contains("nameserver 10.10.10.10", "search google.com", "options ndots:8");
  }

  @Test
  void hostnameIsWhatThePodAsksFor() throws IOException {
    PodSandboxConfig config = pods.config("name").toBuilder().setHostname("test-hostname").build();
    assertThat(run(config, "hostname")).isEqualTo("test-hostname\n");
  }

  private String run(PodSandboxConfig config, String script) throws IOException {
    return pods.runToEnd(pods.run(config), config, Pods.shell("main", started.image(), script))
        .stdout();
  }

  @Test
  void portIsReachedAtTheAddressOfThePod() throws IOException {
    PodSandboxConfig config = withPort("port", 0);
    String id = serve(config);
    String address = status(id).getNetwork().getIp();
    assertThat(address).isNotEmpty();
    assertThat(started.host().get("http://" + address + "/")).contains("hello from the web server");
  }

  @Test
  void portIsReachedAtTheHost() throws IOException {
    serve(withPort("host-port", 18080));
    assertThat(started.host().get("http://127.0.0.1:18080/")).contains("hello from the web server");
  }

  private PodSandboxConfig withPort(String name, int hostPort) {
    return pods.config(name).toBuilder()
        .addPortMappings(PortMapping.newBuilder().setContainerPort(80).setHostPort(hostPort))
        .build();
  }

  private String serve(PodSandboxConfig config) throws IOException {
    String id = pods.run(config);
    String server =
        pods.launch(
            id, config, Pods.shell("server", started.image(), "exec httpd -f -p 80 -h /www"));
    Await.until(
        "the server listens",
        LIMIT,
        () -> pods.exec(server, 10, "wget", "-qO-", "http://127.0.0.1/").getExitCode() == 0);
    return id;
  }

  @Test
  void containersOfAPodShareItsNetwork() throws IOException {
    PodSandboxConfig config = pods.config("multi-network");
    String id = serve(config);
    Pods.Ended client =
        pods.runToEnd(
            id, config, Pods.shell("client", started.image(), "wget -qO- http://localhost/"));
    assertThat(client.stdout()).isEqualTo("hello from the web server\n");
  }

  @Test
  void containersOfAPodHaveALogEach() throws IOException {
    PodSandboxConfig config = pods.config("multi-log");
    String id = pods.run(config);
    String first = pods.launch(id, config, Pods.shell("first", started.image(), "echo one"));
    String second = pods.launch(id, config, Pods.shell("second", started.image(), "echo two"));
    pods.awaitExit(first);
    pods.awaitExit(second);
    assertThat(pods.logText(first, "stdout")).containsExactly("one");
    assertThat(pods.logText(second, "stdout")).containsExactly("two");
  }

  @Test
  void containersOfAPodExecuteCommandsEach() throws IOException {
    PodSandboxConfig config = pods.config("multi-exec");
    String id = pods.run(config);
    for (String name : List.of("one", "two")) {
      String container =
          pods.launch(id, config, Pods.shell(name, started.image(), "exec sleep 1000"));
      assertThat(pods.exec(container, 10, "echo", name).getStdout().toStringUtf8())
          .isEqualTo(name + "\n");
    }
  }

  @Test
  void absentContainerIsRemovedWithoutAnError() {
    pods.removeContainer(ABSENT);
  }

  @Test
  void absentContainerIsStoppedWithoutAnError() {
    pods.stopContainer(ABSENT, 0);
  }

  @Test
  void stoppedContainerIsStoppedWithoutAnError() throws IOException {
    PodSandboxConfig config = pods.config("stop-twice");
    String id = pods.run(config);
    String container =
        pods.launch(id, config, Pods.shell("main", started.image(), "exec sleep 1000"));
    pods.stopContainer(container, 0);
    pods.stopContainer(container, 0);
    pods.stop(id);
    pods.stopContainer(container, 0);
  }

  @Test
  void absentPodIsStoppedWithoutAnError() {
    pods.stop(ABSENT);
  }

  @Test
  void absentPodIsRemovedWithoutAnError() {
    pods.remove(ABSENT);
  }

  @Test
  void stoppedPodIsStoppedWithoutAnError() throws IOException {
    String id = pods.run(pods.config("stopped"));
    pods.stop(id);
    pods.stop(id);
    assertThat(status(id).getState()).isEqualTo(PodSandboxState.SANDBOX_NOTREADY);
  }

  @Test
  void absentImageIsRemovedWithoutAnError() {
    for (String name : List.of(ABSENT, "sha256:" + ABSENT, "registry.invalid/no/such:1")) {
      var _ =
          started
              .node()
              .images()
              .removeImage(
                  RemoveImageRequest.newBuilder()
                      .setImage(ImageSpec.newBuilder().setImage(name))
                      .build());
    }
  }
}
