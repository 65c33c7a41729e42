package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.IDMapping;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.UserNamespace;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.time.Duration;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Pods with a user namespace, as the kubelet runs those with {@code hostUsers: false}. */
@RequiresRoot
final class UserNamespacePodTest {
  private static final int FIRST = 200_000;
  private static final IDMapping RANGE =
      IDMapping.newBuilder().setContainerId(0).setHostId(FIRST).setLength(65_536).build();

  @TempDir Path directory;
  private TestNode node;

  @BeforeEach
  void open() throws Exception {
    node = new TestNode(directory, "berth");
  }

  @AfterEach
  void close() throws Exception {
    node.close();
  }

  @Test
  void aPodInItsOwnUserNamespaceRunsLogsExecsAndLeavesNothing() throws Exception {
    PodSandboxConfig.Builder config = mapped(node.pod("mapped"));
    config
        .getLinuxBuilder()
        .putSysctls("kernel.shm_rmid_forced", "1")
        .putSysctls("net.ipv4.ip_local_port_range", "20000 20100");
    SandboxStatus pod = node.run(config);
    assertThat(pod.ips()).hasSize(1);
    ContainerConfig.Builder main =
        mapped(node.container("main", "/bin/sh", "-c", "echo hello; sleep 1000"));
    addNetworkAdmin(main);
    ContainerStatus container = node.start(pod, main);

    Path log = directory.resolve("logs/mapped/main.log");
    Await.until(
        "the line is in the log",
        Duration.ofSeconds(10),
        () -> Files.exists(log) && Files.readString(log).contains("stdout F hello"));
    assertThat(words(node.exec(container.id(), "cat", "/proc/self/uid_map")))
        .isEqualTo("0 " + FIRST + " 65536");
    assertThat(processOwner(container)).isEqualTo(FIRST);
    assertThat(node.exec(container.id(), "sh", "-c", "id; hostname"))
        .isEqualTo("uid=0(root) gid=0(root) groups=0(root)\nmapped\n");
    assertThat(node.exec(container.id(), "ip", "addr"))
        .contains(pod.ips().getFirst())
        .contains("127.0.0.1");
    assertThat(node.exec(container.id(), "cat", "/proc/sys/kernel/shm_rmid_forced"))
        .isEqualTo("1\n");
    assertThat(node.exec(container.id(), "cat", "/proc/sys/net/ipv4/ip_local_port_range"))
        .isEqualTo("20000\t20100\n");
    assertThat(node.exec(container.id(), "ip", "link", "set", "lo", "mtu", "65536")).isEmpty();

    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void theNodeSaysThatItHasThem() {
    assertThat(node.manager.supportsUserNamespaces()).isTrue();
  }

  @Test
  void filesOfTheImageAndOfThePodBelongToItsRootAndOnTheHostToTheImage() throws Exception {
    SandboxStatus pod = node.run(mapped(node.pod("files")));
    ContainerStatus container =
        node.start(pod, mapped(node.container("main", "/bin/sleep", "1000")));
    assertThat(
            node.exec(
                container.id(),
                "sh",
                "-c",
                "ls -lnd / /bin/busybox /etc/hosts /etc/resolv.conf /etc/hostname /dev/shm /dev/pts"
                    + " | while read mode links user group rest; do echo $user $group; done"))
        .isEqualTo("0 0\n".repeat(7));
    assertThat(
            node.exec(
                container.id(),
                "sh",
                "-c",
                "echo x > /etc/new && echo y >> /etc/hosts && echo z >> /etc/passwd"))
        .isEmpty();
    assertThat(Files.readString(directory.resolve("images/layer/etc/passwd"))).doesNotContain("z");
    assertThat(owner(directory.resolve("images/layer/etc/passwd"))).isZero();
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void volumesAreMappedWhereTheKubeletSaysSo() throws Exception {
    Path volume = Files.createDirectory(directory.resolve("volume"));
    SandboxStatus pod = node.run(mapped(node.pod("volumes")));
    ContainerConfig.Builder config = mapped(node.container("main", "/bin/sleep", "1000"));
    config
        .addMounts(volume(volume, "/mapped").addUidMappings(RANGE).addGidMappings(RANGE))
        .addMounts(volume(volume, "/plain"));
    ContainerStatus container = node.start(pod, config);
    assertThat(node.exec(container.id(), "touch", "/mapped/file")).isEmpty();
    assertThat(owner(volume.resolve("file"))).isZero();
    assertThat(node.exec(container.id(), "ls", "-ln", "/mapped/file")).contains(" 0 ");
    assertThat(node.exec(container.id(), "ls", "-ln", "/plain/file")).contains(" 65534 ");
    assertThat(node.exec(container.id(), "touch", "/plain/another")).contains("denied");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aVolumeThatCannotBeMappedFailsTheContainerByName() throws Exception {
    SandboxStatus pod = node.run(mapped(node.pod("bad")));
    ContainerConfig.Builder config = mapped(node.container("main", "/bin/sleep", "1000"));
    config.addMounts(
        volume(Path.of("/proc"), "/host-proc").addUidMappings(RANGE).addGidMappings(RANGE));
    assertThatThrownBy(() -> node.create(pod, config))
        .hasMessageContaining("/host-proc: mount_setattr MOUNT_ATTR_IDMAP");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void anImageVolumeShowsItsFilesAsThePodsRoots() throws Exception {
    SandboxStatus pod = node.run(mapped(node.pod("image")));
    ContainerConfig.Builder config = mapped(node.container("main", "/bin/sleep", "1000"));
    config.addMounts(
        Mount.newBuilder()
            .setContainerPath("/image")
            .setReadonly(true)
            .setImage(ImageSpec.newBuilder().setImage(DirectoryImages.BUSYBOX))
            .addUidMappings(RANGE)
            .addGidMappings(RANGE));
    ContainerStatus container = node.start(pod, config);
    assertThat(node.exec(container.id(), "ls", "-ln", "/image/bin/busybox")).contains(" 0 ");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void onTheHostsNetworkThePodSeesItButMayNotChangeIt() throws Exception {
    PodSandboxConfig.Builder config = mapped(node.pod("host").setHostname(""));
    options(config).setNetwork(NamespaceMode.NODE);
    SandboxStatus pod = node.run(config);
    ContainerConfig.Builder main = mapped(node.container("main", "/bin/sleep", "1000"));
    main.getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setNetwork(NamespaceMode.NODE);
    addNetworkAdmin(main);
    ContainerStatus container = node.start(pod, main);
    assertThat(node.exec(container.id(), "ls", "-l", "/proc/self/ns/net").replaceAll(".*-> ", ""))
        .isEqualTo(Files.readSymbolicLink(Path.of("/proc/self/ns/net")) + "\n");
    assertThat(words(node.exec(container.id(), "cat", "/proc/self/uid_map")))
        .isEqualTo("0 " + FIRST + " 65536");
    assertThat(node.exec(container.id(), "ip", "link", "set", "lo", "mtu", "65536"))
        .contains("not permitted");
    assertThat(node.exec(container.id(), "ls", "/sys/class/net")).contains("lo");
    assertThat(node.exec(container.id(), "sh", "-c", "echo 1 > /sys/kernel/mm/ksm/run"))
        .contains("can't create");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void containersOfAPodWithAPauseShareProcessesAndTheUserNamespace() throws Exception {
    SandboxStatus pod = node.run(mapped(node.podWithPause("shared")));
    ContainerStatus one = node.start(pod, sharing("one"));
    node.start(pod, sharing("two"));
    assertThat(node.exec(one.id(), "ps"))
        .contains("/pause pause")
        .containsPattern("sleep 1001(.|\n)*sleep 1001");
    assertThat(node.exec(one.id(), "sh", "-c", "kill -0 1 && echo may")).isEqualTo("may\n");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void aRestartFindsThePodAndANewContainerJoinsIt() throws Exception {
    SandboxStatus pod = node.run(mapped(node.pod("again")));
    ContainerStatus first = node.start(pod, mapped(node.container("one", "/bin/sleep", "1000")));
    node.shutDown();
    node.open();
    assertThat(node.sandboxes().status(pod.id())).isEqualTo(pod);
    ContainerStatus second = node.start(pod, mapped(node.container("two", "/bin/sleep", "1000")));
    assertThat(node.exec(second.id(), "ls", "-l", "/proc/self/ns/user").replaceAll(".*-> ", ""))
        .isEqualTo(node.exec(first.id(), "ls", "-l", "/proc/self/ns/user").replaceAll(".*-> ", ""));
    node.remove(pod);
    node.assertNothingLeft();
  }

  @Test
  void userIdsBeyondTheRangeAreRefused() throws Exception {
    SandboxStatus pod = node.run(mapped(node.pod("range")));
    ContainerConfig.Builder config = mapped(node.container("main", "/bin/sleep", "1000"));
    config.getLinuxBuilder().getSecurityContextBuilder().getRunAsUserBuilder().setValue(70_000);
    assertThatThrownBy(() -> node.create(pod, config)).hasMessageContaining("uid 70000 is not in");
    node.remove(pod);
    node.assertNothingLeft();
  }

  @ParameterizedTest
  @CsvSource({
    "CONTAINER, 0, 200000, 65536, 1, mode CONTAINER is neither POD nor NODE",
    "TARGET, 0, 200000, 65536, 1, mode TARGET is neither POD nor NODE",
    "NODE, 0, 200000, 65536, 1, mode NODE takes no mappings",
    "POD, 0, 200000, 65536, 0, 'uids has 0 mappings, mode POD takes one'",
    "POD, 0, 200000, 65536, 2, 'uids has 2 mappings, mode POD takes one'",
    "POD, 1, 200000, 65536, 1, uids[0].container_id is not 0",
    "POD, 0, 200000, 65535, 1, uids[0].length 65535 is less than 65536",
    "POD, 0, 200000, 0, 1, uids[0].length 0 is less than 65536",
    "POD, 0, -65536, 65536, 1, uids[0] goes beyond the ids that the host has",
  })
  void mappingsThatCannotBeAreRefused(
      NamespaceMode mode, int container, int host, int length, int count, String message) {
    UserNamespace.Builder wanted = UserNamespace.newBuilder().setMode(mode);
    IDMapping map =
        IDMapping.newBuilder().setContainerId(container).setHostId(host).setLength(length).build();
    for (int i = 0; i < count; i++) {
      wanted.addUids(map).addGids(map);
    }
    PodSandboxConfig.Builder config = node.pod("refused");
    options(config).setUsernsOptions(wanted);
    assertRefused(config, "namespace_options.userns_options: " + message);
  }

  @Test
  void whatGivesTheHostToThePodIsRefusedBesideAUserNamespace() {
    assertRefused(
        mapped(node.pod("one")),
        config -> config.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true),
        "privileged");
    assertRefused(
        mapped(node.pod("two")),
        config -> options(config).setPid(NamespaceMode.NODE),
        "host's pid");
    assertRefused(
        mapped(node.pod("three")),
        config -> options(config).setIpc(NamespaceMode.NODE),
        "host's ipc");
  }

  @Test
  void aContainerInAnotherUserNamespaceThanItsPodIsRefused() throws Exception {
    SandboxStatus pod = node.run(mapped(node.pod("differs")));
    assertThatThrownBy(() -> node.create(pod, node.container("main", "/bin/sleep", "1000")))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("differs from that of the sandbox");
    node.remove(pod);
    node.assertNothingLeft();
  }

  private void assertRefused(
      PodSandboxConfig.Builder config, Consumer<PodSandboxConfig.Builder> change, String message) {
    change.accept(config);
    assertRefused(config, message);
  }

  private void assertRefused(PodSandboxConfig.Builder config, String message) {
    assertThatThrownBy(() -> node.run(config))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
        .hasMessageContaining(message);
  }

  private static void addNetworkAdmin(ContainerConfig.Builder config) {
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getCapabilitiesBuilder()
        .addAddCapabilities("NET_ADMIN");
  }

  private ContainerConfig.Builder sharing(String name) {
    ContainerConfig.Builder config = mapped(node.container(name, "/bin/sleep", "1001"));
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setPid(NamespaceMode.POD);
    return config;
  }

  private static NamespaceOption.Builder options(PodSandboxConfig.Builder config) {
    return config.getLinuxBuilder().getSecurityContextBuilder().getNamespaceOptionsBuilder();
  }

  private static PodSandboxConfig.Builder mapped(PodSandboxConfig.Builder config) {
    options(config).setUsernsOptions(ownNamespace());
    return config;
  }

  private static ContainerConfig.Builder mapped(ContainerConfig.Builder config) {
    config
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .getNamespaceOptionsBuilder()
        .setUsernsOptions(ownNamespace());
    return config;
  }

  private static UserNamespace ownNamespace() {
    return UserNamespace.newBuilder()
        .setMode(NamespaceMode.POD)
        .addUids(RANGE)
        .addGids(RANGE)
        .build();
  }

  private static Mount.Builder volume(Path source, String destination) {
    return Mount.newBuilder().setHostPath(source.toString()).setContainerPath(destination);
  }

  private static String words(String text) {
    return text.strip().replaceAll("\\s+", " ");
  }

  private static int processOwner(ContainerStatus container) throws IOException {
    int pid = ((ContainerState.Running) container.state()).pid();
    return owner(Path.of("/proc", Integer.toString(pid)));
  }

  private static int owner(Path file) throws IOException {
    return (int) Files.getAttribute(file, "unix:uid", LinkOption.NOFOLLOW_LINKS);
  }
}
