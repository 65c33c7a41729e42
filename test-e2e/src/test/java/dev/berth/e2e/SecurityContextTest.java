package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.proto.cri.v1.Capability;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.Int64Value;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.SecurityProfile;
import dev.berth.proto.cri.v1.SecurityProfile.ProfileType;
import dev.berth.proto.cri.v1.SupplementalGroupsPolicy;
import dev.berth.testing.RequiresRoot;
import io.grpc.Status;
import io.grpc.StatusRuntimeException;
import java.io.IOException;
import java.net.ServerSocket;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestInstance;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** What a security context asks for is what a process in the container has. */
@RequiresRoot
@TestInstance(TestInstance.Lifecycle.PER_CLASS)
class SecurityContextTest {
  /** Blocks what the tests try: to change the name of the host. */
  private static final String PROFILE =
      """
      {"defaultAction": "SCMP_ACT_ALLOW",
       "syscalls": [{"names": ["sethostname"], "action": "SCMP_ACT_ERRNO"}]}
      """;

  private static final String SET_HOSTNAME = "hostname another && hostname";

  @TempDir private static Path directory;
  private PodNode started;
  private Pods pods;
  private PodSandboxConfig config;
  private String pod;
  private String setuidImage;

  @BeforeAll
  void start() throws Exception {
    started = PodNode.start(directory);
    pods = started.pods();
    config = pods.config("secure");
    pod = pods.run(config);
    setuidImage = pods.pull(started.registry().push("setuid", setuidLayer()));
  }

  /** Only with the rights of its owner does su come as far as asking for a password. */
  private static byte[] setuidLayer() throws IOException {
    Path tree = Files.createDirectories(directory.resolve("setuid/bin"));
    Files.copy(Path.of("/bin/busybox"), tree.resolve("su"), StandardCopyOption.REPLACE_EXISTING);
    Files.copy(Path.of("/bin/busybox"), tree.resolve("sh"), StandardCopyOption.REPLACE_EXISTING);
    Command.output("chmod", "4755", tree.resolve("su").toString());
    Path etc = Files.createDirectories(directory.resolve("setuid/etc"));
    Files.writeString(etc.resolve("passwd"), "root:x:0:0:root:/:/bin/sh\n");
    return TestRegistry.tar(directory.resolve("setuid"));
  }

  @AfterAll
  void stop() throws IOException {
    started.close();
  }

  private ContainerConfig with(
      String script, Consumer<LinuxContainerSecurityContext.Builder> change) {
    ContainerConfig.Builder container = Pods.shell("main", started.image(), script).toBuilder();
    change.accept(container.getLinuxBuilder().getSecurityContextBuilder());
    return container.build();
  }

  private Pods.Ended run(String script, Consumer<LinuxContainerSecurityContext.Builder> change)
      throws IOException {
    return pods.runToEnd(pod, config, with(script, change));
  }

  /** Runs a container in a pod of its own with the same namespaces. */
  private Pods.Ended runInPod(
      String script,
      Consumer<PodSandboxConfig.Builder> podChange,
      Consumer<LinuxContainerSecurityContext.Builder> change)
      throws IOException {
    PodSandboxConfig.Builder own = pods.config("own").toBuilder();
    podChange.accept(own);
    var namespaces = own.getLinux().getSecurityContext().getNamespaceOptions();
    String id = pods.run(own.build());
    try {
      ContainerConfig container =
          with(script, security -> change.accept(security.setNamespaceOptions(namespaces)));
      return pods.runToEnd(id, own.build(), container);
    } finally {
      pods.remove(id);
    }
  }

  private static Consumer<PodSandboxConfig.Builder> namespaces(
      Consumer<NamespaceOption.Builder> change) {
    return pod ->
        change.accept(
            pod.getLinuxBuilder().getSecurityContextBuilder().getNamespaceOptionsBuilder());
  }

  private static Consumer<PodSandboxConfig.Builder> pid(NamespaceMode mode) {
    return namespaces(options -> options.setPid(mode));
  }

  @Test
  void hostPidShowsTheProcessesOfTheHost() throws IOException {
    String script = "cat /proc/" + ProcessHandle.current().pid() + "/comm";
    assertThat(runInPod(script, pid(NamespaceMode.NODE), _ -> {}).stdout()).isEqualTo("java\n");
  }

  @Test
  void podPidIsSharedByTheContainersOfThePod() throws IOException {
    Pods.Ended ended = runInPod("cat /proc/1/cmdline", pid(NamespaceMode.POD), _ -> {});
    assertThat(ended.stdout()).doesNotContain("/proc/1/cmdline").isNotEmpty();
  }

  @Test
  void containerPidBeginsWithTheProgramOfTheContainer() throws IOException {
    Pods.Ended ended = runInPod("cat /proc/1/cmdline", pid(NamespaceMode.CONTAINER), _ -> {});
    assertThat(ended.stdout()).contains("/proc/1/cmdline");
  }

  @Test
  void hostIpcShowsTheSharedMemoryOfTheHost() throws IOException {
    assertThat(seesSharedMemoryOfTheHost(NamespaceMode.NODE)).isTrue();
  }

  @Test
  void podIpcDoesNotShowTheSharedMemoryOfTheHost() throws IOException {
    assertThat(seesSharedMemoryOfTheHost(NamespaceMode.POD)).isFalse();
  }

  private boolean seesSharedMemoryOfTheHost(NamespaceMode mode) throws IOException {
    String segment = Command.output("ipcmk", "-M", "4096").replaceAll("\\D+", "");
    try {
      String script = "awk '{print $2}' /proc/sysvipc/shm";
      return runInPod(script, namespaces(options -> options.setIpc(mode)), _ -> {})
          .stdout()
          .lines()
          .anyMatch(segment::equals);
    } finally {
      Command.output("ipcrm", "-m", segment);
    }
  }

  @Test
  void hostNetworkShowsTheSocketsOfTheHost() throws IOException {
    assertThat(seesSocketOfTheHost(NamespaceMode.NODE)).isTrue();
  }

  @Test
  void podNetworkDoesNotShowTheSocketsOfTheHost() throws IOException {
    assertThat(seesSocketOfTheHost(NamespaceMode.POD)).isFalse();
  }

  private boolean seesSocketOfTheHost(NamespaceMode mode) throws IOException {
    try (ServerSocket socket = new ServerSocket(0)) {
      String port = String.format(Locale.ROOT, ":%04X ", socket.getLocalPort());
      Pods.Ended ended =
          runInPod(
              "cat /proc/net/tcp /proc/net/tcp6",
              namespaces(options -> options.setNetwork(mode)),
              _ -> {});
      return ended.stdout().contains(port);
    }
  }

  @Test
  void supplementalGroupsAreThoseOfTheProcess() throws IOException {
    Pods.Ended ended =
        run("id -G", security -> security.addSupplementalGroups(1234).addSupplementalGroups(5678));
    assertThat(groups(ended)).contains("1234", "5678");
  }

  @Test
  void mergedGroupsHaveThoseOfTheImageToo() throws IOException {
    Pods.Ended ended =
        run(
            "id -G",
            security ->
                security
                    .setRunAsUser(Int64Value.newBuilder().setValue(1000))
                    .addSupplementalGroups(1234)
                    .setSupplementalGroupsPolicy(SupplementalGroupsPolicy.Merge));
    assertThat(groups(ended)).containsExactlyInAnyOrder("1000", "50000", "1234");
  }

  @Test
  void strictGroupsHaveNoneOfTheImage() throws IOException {
    Pods.Ended ended =
        run(
            "id -G",
            security ->
                security
                    .setRunAsUser(Int64Value.newBuilder().setValue(1000))
                    .addSupplementalGroups(1234)
                    .setSupplementalGroupsPolicy(SupplementalGroupsPolicy.Strict));
    assertThat(groups(ended)).containsExactlyInAnyOrder("1000", "1234");
  }

  private static List<String> groups(Pods.Ended ended) {
    return Arrays.asList(ended.stdout().strip().split(" "));
  }

  @Test
  void userIsTheOneByNumber() throws IOException {
    Pods.Ended ended =
        run("id -u", security -> security.setRunAsUser(Int64Value.newBuilder().setValue(1001)));
    assertThat(ended.stdout()).isEqualTo("1001\n");
  }

  @Test
  void userIsTheOneByName() throws IOException {
    Pods.Ended ended = run("id -nu", security -> security.setRunAsUsername("nobody"));
    assertThat(ended.stdout()).isEqualTo("nobody\n");
  }

  @Test
  void groupIsTheOneByNumber() throws IOException {
    Pods.Ended ended =
        run(
            "echo $(id -u):$(id -g)",
            security ->
                security
                    .setRunAsUser(Int64Value.newBuilder().setValue(1001))
                    .setRunAsGroup(Int64Value.newBuilder().setValue(1002)));
    assertThat(ended.stdout()).isEqualTo("1001:1002\n");
  }

  @Test
  void groupWithoutUserIsRefused() {
    ContainerConfig container =
        with("id", security -> security.setRunAsGroup(Int64Value.newBuilder().setValue(1002)));
    assertThatThrownBy(() -> pods.create(pod, config, container))
        .isInstanceOfSatisfying(
            StatusRuntimeException.class,
            e -> assertThat(e.getStatus().getCode()).isEqualTo(Status.Code.INVALID_ARGUMENT))
        .hasMessageContaining("run_as_group");
  }

  @Test
  void rootFileSystemCanBeWritten() throws IOException {
    assertThat(run("touch /new && ls /new", _ -> {}).stdout()).isEqualTo("/new\n");
  }

  @Test
  void readOnlyRootFileSystemCannotBeWritten() throws IOException {
    Pods.Ended ended = run("touch /new", security -> security.setReadonlyRootfs(true));
    assertThat(ended.stderr()).isEqualTo("touch: /new: Read-only file system\n");
  }

  @Test
  void privilegedContainerManagesItsNetwork() throws IOException {
    Pods.Ended ended =
        runInPod(
            "ip link add foobar type bridge",
            own -> own.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true),
            security -> security.setPrivileged(true));
    assertThat(ended.exitCode()).as(ended.stderr()).isZero();
  }

  @Test
  void ordinaryContainerDoesNotManageItsNetwork() throws IOException {
    Pods.Ended ended = run("ip link add foobar type bridge", _ -> {});
    assertThat(ended.stderr()).contains("Operation not permitted");
  }

  private static Consumer<LinuxContainerSecurityContext.Builder> capabilities(
      List<String> added, List<String> dropped) {
    return security ->
        security.setCapabilities(
            Capability.newBuilder().addAllAddCapabilities(added).addAllDropCapabilities(dropped));
  }

  @ParameterizedTest
  @ValueSource(strings = {"NET_ADMIN", "CAP_NET_ADMIN", "net_admin"})
  void addedCapabilityCanBeUsed(String name) throws IOException {
    Pods.Ended ended =
        run(
            "ip link add foobar type bridge && ip link del foobar",
            capabilities(List.of(name), List.of()));
    assertThat(ended.exitCode()).as(ended.stderr()).isZero();
  }

  @Test
  void allCapabilitiesCanBeAdded() throws IOException {
    Pods.Ended ended =
        run(
            "ip link add foobar type bridge && ip link del foobar",
            capabilities(List.of("ALL"), List.of()));
    assertThat(ended.exitCode()).as(ended.stderr()).isZero();
  }

  @Test
  void droppedCapabilityCannotBeUsed() throws IOException {
    assertThat(run("touch /f; chown 1000 /f", _ -> {}).exitCode()).isZero();
    Pods.Ended ended = run("touch /f; chown 1000 /f", capabilities(List.of(), List.of("CHOWN")));
    assertThat(ended.stderr()).contains("Operation not permitted");
  }

  @Test
  void allCapabilitiesCanBeDropped() throws IOException {
    Pods.Ended ended =
        run("grep CapEff /proc/self/status", capabilities(List.of(), List.of("ALL")));
    assertThat(ended.stdout()).isEqualTo("CapEff:\t0000000000000000\n");
  }

  @Test
  void maskedPathsAreEmpty() throws IOException {
    Pods.Ended ended =
        run(
            "cat /etc/passwd; ls /www",
            security -> security.addMaskedPaths("/etc/passwd").addMaskedPaths("/www"));
    assertThat(ended).isEqualTo(new Pods.Ended(0, "", ""));
  }

  @Test
  void readOnlyPathsCannotBeWritten() throws IOException {
    Pods.Ended ended = run("touch /tmp/new", security -> security.addReadonlyPaths("/tmp"));
    assertThat(ended.stderr()).isEqualTo("touch: /tmp/new: Read-only file system\n");
  }

  @Test
  void withoutNewPrivilegesASetuidProgramHasNone() throws IOException {
    assertThat(suAsNobody(true)).contains("must be suid to work properly");
  }

  @Test
  void otherwiseASetuidProgramHasThoseOfItsOwner() throws IOException {
    assertThat(suAsNobody(false)).doesNotContain("must be suid").contains("incorrect password");
  }

  private String suAsNobody(boolean noNewPrivileges) throws IOException {
    ContainerConfig.Builder container =
        with(
                "exec /bin/su -c id",
                security ->
                    security
                        .setRunAsUser(Int64Value.newBuilder().setValue(65534))
                        .setNoNewPrivs(noNewPrivileges))
            .toBuilder()
            .setImage(ImageSpec.newBuilder().setImage(setuidImage));
    return pods.runToEnd(pod, config, container.build()).stderr();
  }

  private static SecurityProfile profile(ProfileType type) {
    return SecurityProfile.newBuilder().setProfileType(type).build();
  }

  private static SecurityProfile localhostProfile() throws IOException {
    Path file = directory.resolve("profile.json");
    Files.writeString(file, PROFILE);
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    return profile(ProfileType.Localhost).toBuilder().setLocalhostRef(file.toString()).build();
  }

  private String filterMode(Consumer<LinuxContainerSecurityContext.Builder> change)
      throws IOException {
    return run("grep ^Seccomp: /proc/self/status", change).stdout();
  }

  @Test
  void noProfileIsNoFilter() throws IOException {
    assertThat(filterMode(LinuxContainerSecurityContext.Builder::clearSeccomp))
        .isEqualTo("Seccomp:\t0\n");
  }

  @Test
  void defaultProfileFilters() throws IOException {
    assertThat(filterMode(security -> security.setSeccomp(profile(ProfileType.RuntimeDefault))))
        .isEqualTo("Seccomp:\t2\n");
  }

  @Test
  void profileOfTheNodeFilters() throws IOException {
    SecurityProfile local = localhostProfile();
    assertThat(filterMode(security -> security.setSeccomp(local))).isEqualTo("Seccomp:\t2\n");
  }

  @Test
  void unconfinedIsNoFilter() throws IOException {
    assertThat(filterMode(security -> security.setSeccomp(profile(ProfileType.Unconfined))))
        .isEqualTo("Seccomp:\t0\n");
  }

  @Test
  void profileBlocksWhatACapabilityAllows() throws IOException {
    SecurityProfile local = localhostProfile();
    Pods.Ended ended =
        run(
            SET_HOSTNAME,
            capabilities(List.of("SYS_ADMIN"), List.of())
                .andThen(security -> security.setSeccomp(local)));
    assertThat(ended.stderr()).contains("Operation not permitted");
  }

  @Test
  void unconfinedBlocksNothingThatACapabilityAllows() throws IOException {
    Pods.Ended ended =
        runInPod(
            SET_HOSTNAME,
            _ -> {},
            capabilities(List.of("SYS_ADMIN"), List.of())
                .andThen(security -> security.setSeccomp(profile(ProfileType.Unconfined))));
    assertThat(ended.stdout()).isEqualTo("another\n");
  }

  @Test
  void privilegedContainerHasNoFilterWhateverItsProfile() throws IOException {
    SecurityProfile local = localhostProfile();
    Pods.Ended ended =
        runInPod(
            SET_HOSTNAME,
            own -> own.getLinuxBuilder().getSecurityContextBuilder().setPrivileged(true),
            security -> security.setPrivileged(true).setSeccomp(local));
    assertThat(ended.stdout()).isEqualTo("another\n");
  }

  @Test
  void whatAContainerRunsAsIsTold() throws IOException {
    ContainerConfig container =
        with(
            "exec sleep 1000",
            security -> security.setRunAsUser(Int64Value.newBuilder().setValue(1000)));
    String id = pods.launch(pod, config, container);
    var user = pods.status(id).getUser().getLinux();
    assertThat(Map.of("uid", user.getUid(), "gid", user.getGid()))
        .isEqualTo(Map.of("uid", 1000L, "gid", 1000L));
    assertThat(user.getSupplementalGroupsList()).containsExactlyInAnyOrder(1000L, 50000L);
    pods.removeContainer(id);
  }
}
