package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.IDMapping;
import dev.berth.proto.cri.v1.LinuxPodSandboxConfig;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.proto.cri.v1.RuntimeHandler;
import dev.berth.proto.cri.v1.StatusRequest;
import dev.berth.proto.cri.v1.UserNamespace;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Pods in user namespaces of their own, with images as they are pulled: what critest asserts. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class UserNamespaceTest {
  private static final IDMapping RANGE =
      IDMapping.newBuilder().setContainerId(0).setHostId(1_000_000).setLength(100_000).build();
  private static final UserNamespace OWN =
      UserNamespace.newBuilder().setMode(NamespaceMode.POD).addUids(RANGE).addGids(RANGE).build();

  @TempDir private static Path directory;
  private PodNode running;
  private BerthNode node;
  private Pods pods;

  @BeforeAll
  void start() throws Exception {
    running = PodNode.start(directory);
    node = running.node();
    pods = running.pods();
  }

  @AfterAll
  void stop() throws IOException {
    running.close();
  }

  @Test
  void everyHandlerOfBerthSaysThatItHasThem() {
    var status = node.runtime().status(StatusRequest.getDefaultInstance());
    assertThat(status.getRuntimeHandlersList())
        .filteredOn(handler -> handler.getName().isEmpty())
        .extracting(RuntimeHandler::getFeatures)
        .allSatisfy(features -> assertThat(features.getUserNamespaces()).isTrue());
    assertThat(status.getFeatures().getUserNamespacesHostNetwork()).isTrue();
  }

  @Test
  void podIsItsOwnRootAndAnOrdinaryUserOfTheHost() throws Exception {
    PodSandboxConfig config = with("own", OWN);
    String pod = pods.run(config);
    assertThat(
            node.runtime()
                .podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).build())
                .getStatus()
                .getLinux()
                .getNamespaces()
                .getOptions()
                .getUsernsOptions())
        .isEqualTo(OWN);
    Path volume = Files.createDirectory(directory.resolve("volume"));
    ContainerConfig.Builder container = container("main", OWN).toBuilder();
    container.addMounts(
        Mount.newBuilder()
            .setHostPath(volume.toString())
            .setContainerPath("/volume")
            .addUidMappings(RANGE)
            .addGidMappings(RANGE));
    String id = pods.launch(pod, config, container.build());
    assertThat(out(id, "cat", "/proc/self/uid_map").strip().split("\\s+"))
        .containsExactly("0", "1000000", "100000");
    assertThat(out(id, "sh", "-c", "touch /etc/new /volume/new && echo done")).isEqualTo("done\n");
    assertThat(Files.getAttribute(volume.resolve("new"), "unix:uid", LinkOption.NOFOLLOW_LINKS))
        .isEqualTo(0);

    node.kill();
    node.start();
    assertThat(out(id, "cat", "/proc/self/gid_map")).contains("1000000");
    String second = pods.launch(pod, config, container("second", OWN));
    assertThat(out(second, "cat", "/proc/self/gid_map")).contains("1000000");
    pods.remove(pod);
  }

  @Test
  void modeNodeIsTheHosts() throws Exception {
    UserNamespace host = UserNamespace.newBuilder().setMode(NamespaceMode.NODE).build();
    PodSandboxConfig config = with("host", host);
    String pod = pods.run(config);
    String id = pods.launch(pod, config, container("main", host));
    assertThat(out(id, "cat", "/proc/self/uid_map"))
        .isEqualTo(Files.readString(Path.of("/proc/self/uid_map")));
    pods.remove(pod);
  }

  @ParameterizedTest
  @CsvSource({"POD, 0, 2", "POD, 1, 1", "CONTAINER, 0, 1", "TARGET, 0, 1", "NODE, 0, 1"})
  void whatCannotBeIsRefusedAndLeavesNothing(NamespaceMode mode, int first, int count)
      throws IOException {
    HostSnapshot before = HostSnapshot.take(node);
    UserNamespace.Builder wanted = UserNamespace.newBuilder().setMode(mode);
    for (int i = 0; i < count; i++) {
      IDMapping map = RANGE.toBuilder().setContainerId(first).build();
      wanted.addUids(map).addGids(map);
    }
    PodSandboxConfig config = with("refused", wanted.build());
    assertThatThrownBy(() -> pods.run(config))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT))
        .hasMessageContaining("namespace_options.userns_options");
    Files.deleteIfExists(Path.of(config.getLogDirectory()));
    before.assertRestored();
  }

  private PodSandboxConfig with(String name, UserNamespace users) {
    PodSandboxConfig plain = pods.config(name);
    LinuxPodSandboxConfig.Builder linux = plain.getLinux().toBuilder();
    linux.getSecurityContextBuilder().getNamespaceOptionsBuilder().setUsernsOptions(users);
    return plain.toBuilder().setLinux(linux).build();
  }

  private ContainerConfig container(String name, UserNamespace users) {
    ContainerConfig.Builder config =
        Pods.shell(name, running.image(), "exec sleep 1000").toBuilder();
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setUsernsOptions(users);
    return config.build();
  }

  private String out(String id, String... command) {
    return pods.exec(id, 10, command).getStdout().toStringUtf8();
  }
}
