package dev.berth.sandbox.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.GsonBuilder;
import com.google.gson.JsonParser;
import com.google.protobuf.ByteString;
import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.Capability;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.ContainerMetadata;
import dev.berth.proto.cri.v1.HugepageLimit;
import dev.berth.proto.cri.v1.ImageSpec;
import dev.berth.proto.cri.v1.KeyValue;
import dev.berth.proto.cri.v1.LinuxContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxMetadata;
import dev.berth.proto.cri.v1.SecurityProfile;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import dev.berth.runtime.spec.SpecValidator;
import dev.berth.sandbox.ContainerUser;
import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

final class SpecGeneratorTest {
  private static final HostFacts CGROUP_V1 =
      new HostFacts((1L << 41) - 1, false, true, false, -1000, false);
  private static final HostFacts CGROUP_V2 =
      new HostFacts((1L << 41) - 1, true, false, true, -1000, true);
  private static final ImageDefaults IMAGE =
      new ImageDefaults(
          List.of("/entry"),
          List.of("image-arg"),
          List.of("PATH=/image/bin", "A=image", "=no"),
          "/image/dir",
          "");

  private final SpecGenerator generator =
      new SpecGenerator(capabilities ->
          new Seccomp(
              "SCMP_ACT_ERRNO",
              null,
              List.of(),
              List.of(),
              null,
              null,
              List.of(
                  new Seccomp.Rule(
                      List.of(capabilities.contains("CAP_SYS_ADMIN") ? "mount" : "read"),
                      "SCMP_ACT_ALLOW",
                      null,
                      List.of()))));

  @Test
  void aContainerAsTheKubeletSendsIt() throws IOException {
    assertGolden("kubernetes.json", input(kubernetes().build(), CGROUP_V1));
  }

  @Test
  void aPrivilegedContainerOnTheUnifiedHierarchy() throws IOException {
    var security =
        LinuxContainerSecurityContext.newBuilder()
            .setPrivileged(true)
            .setNamespaceOptions(NamespaceOption.newBuilder().setPid(NamespaceMode.NODE))
            .addMaskedPaths("/proc/kcore")
            .setSeccomp(SecurityProfile.getDefaultInstance());
    var container = container().setTty(true);
    container.getLinuxBuilder().setSecurityContext(security);
    assertGolden("privileged.json", input(container.build(), CGROUP_V2));
  }

  @Test
  void everySpecPassesTheValidator() {
    SpecValidator.validate(generator.generate(input(kubernetes().build(), CGROUP_V1)));
    SpecValidator.validate(generator.generate(input(kubernetes().build(), CGROUP_V2)));
  }

  @Test
  void selinuxOptionsBecomeLabelsWhereTheKernelHasSelinux() {
    ContainerConfig container = selinux(false, "", "my_t", "");
    RuntimeSpec labelled = generator.generate(input(container, CGROUP_V2));
    assertThat(labelled.process().selinuxLabel())
        .matches("system_u:system_r:my_t:s0:c[0-9]+,c[0-9]+");
    String level = labelled.process().selinuxLabel().split(":", 4)[3];
    assertThat(labelled.linux().mountLabel())
        .isEqualTo("system_u:object_r:container_file_t:" + level);
    SpecValidator.validate(labelled);

    RuntimeSpec exact =
        generator.generate(input(selinux(false, "u_u", "my_t", "s0-s1:c1.c5"), CGROUP_V2));
    assertThat(exact.process().selinuxLabel()).isEqualTo("u_u:system_r:my_t:s0-s1:c1.c5");
    assertThat(exact.linux().mountLabel()).isEqualTo("u_u:object_r:container_file_t:s0-s1:c1.c5");
  }

  @Test
  void withoutSelinuxOrOptionsOrConfinementThereIsNoLabel() {
    ContainerConfig asking = selinux(false, "", "my_t", "s0");
    for (RuntimeSpec spec :
        List.of(
            generator.generate(input(asking, CGROUP_V1)), // a host without SELinux
            generator.generate(input(kubernetes().build(), CGROUP_V2)),
            generator.generate(input(selinux(true, "", "my_t", "s0"), CGROUP_V2)))) {
      assertThat(spec.process().selinuxLabel()).isNull();
      assertThat(spec.linux().mountLabel()).isNull();
    }
  }

  @ParameterizedTest
  @CsvSource({"a:b, my_t, s0", "u, 'my t', s0", "u, my_t, 's0\n0'", "u, my_t, \u00fc"})
  void whatCannotBePartOfALabelIsRefused(String user, String type, String level) {
    assertThatThrownBy(
            () -> generator.generate(input(selinux(false, user, type, level), CGROUP_V2)))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("security_context.selinux_options.")
        .hasMessageContaining("cannot be part of a label");
  }

  private static ContainerConfig selinux(
      boolean privileged, String user, String type, String level) {
    ContainerConfig.Builder container = container();
    container
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .setPrivileged(privileged)
        .getSelinuxOptionsBuilder()
        .setUser(user)
        .setType(type)
        .setLevel(level);
    return container.build();
  }

  @ParameterizedTest
  @CsvSource({
    "'', '', /entry image-arg",
    "'', x, /entry x",
    "/cmd, '', /cmd",
    "/cmd, x, /cmd x",
  })
  void commandAndArgumentsReplaceThoseOfTheImage(String command, String args, String expected) {
    ContainerConfig.Builder container = container().clearCommand();
    if (!command.isEmpty()) {
      container.addCommand(command);
    }
    if (!args.isEmpty()) {
      container.addArgs(args);
    }
    RuntimeSpec spec = generator.generate(input(container.build(), CGROUP_V1));
    assertThat(String.join(" ", spec.process().args())).isEqualTo(expected);
  }

  @Test
  void aContainerWithoutAnyCommandIsRefused() {
    var image = new ImageDefaults(List.of(), List.of(), List.of(), "", "");
    assertThatThrownBy(
            () -> generator.generate(input(container().clearCommand().build(), image, List.of())))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("no command");
  }

  @ParameterizedTest
  @CsvSource({
    "'', '', 14",
    "SYS_ADMIN, '', 15",
    "'', CHOWN, 13",
    "ALL, '', 41",
    "'', ALL, 0",
    "CHOWN, ALL, 1",
    "ALL, NET_RAW, 40",
    "cap_sys_time, all, 1",
  })
  void capabilitiesAreAddedAndDropped(String add, String drop, int count) {
    Capability.Builder change = Capability.newBuilder();
    if (!add.isEmpty()) {
      change.addAddCapabilities(add);
    }
    if (!drop.isEmpty()) {
      change.addDropCapabilities(drop);
    }
    var capabilities =
        generator.generate(input(withCapabilities(change), CGROUP_V1)).process().capabilities();
    assertThat(capabilities.bounding()).hasSize(count);
    assertThat(capabilities.effective()).isEqualTo(capabilities.bounding());
    assertThat(capabilities.permitted()).isEqualTo(capabilities.bounding());
    assertThat(capabilities.inheritable()).isEmpty();
    assertThat(capabilities.ambient()).isEmpty();
  }

  @Test
  void anUnknownCapabilityIsNamed() {
    var container = withCapabilities(Capability.newBuilder().addAddCapabilities("FLY"));
    assertThatThrownBy(() -> generator.generate(input(container, CGROUP_V1)))
        .hasMessageContaining("add_capabilities")
        .hasMessageContaining("FLY");
  }

  @Test
  void anAmbientCapabilityMustBeGranted() {
    var asked = Capability.newBuilder().addAddAmbientCapabilities("NET_ADMIN");
    assertThatThrownBy(() -> generator.generate(input(with(asked).build(), CGROUP_V1)))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
        .hasMessage(
            "capabilities.add_ambient_capabilities: CAP_NET_ADMIN is not among the capabilities"
                + " of the container");

    asked.addAddCapabilities("NET_ADMIN");
    var capabilities =
        generator.generate(input(with(asked).build(), CGROUP_V1)).process().capabilities();
    assertThat(capabilities.ambient()).containsExactly("CAP_NET_ADMIN");
    assertThat(capabilities.permitted()).contains("CAP_NET_ADMIN");
  }

  private static ContainerConfig.Builder with(Capability.Builder capabilities) {
    var config = container();
    config.getLinuxBuilder().getSecurityContextBuilder().setCapabilities(capabilities);
    return config;
  }

  @Test
  void aMountOfThePodTakesThePlaceOfADefaultOne() {
    var mounts =
        List.of(
            mount("/srv/deep/er", BoundMount.Propagation.PRIVATE),
            mount("/srv", BoundMount.Propagation.HOST_TO_CONTAINER),
            mount("/etc/hosts", BoundMount.Propagation.PRIVATE));
    RuntimeSpec spec = generator.generate(input(container().build(), IMAGE, mounts));
    assertThat(spec.mounts())
        .extracting(dev.berth.runtime.spec.Mount::destination)
        .endsWith("/srv", "/etc/hosts", "/srv/deep/er")
        .doesNotHaveDuplicates();
    assertThat(spec.linux().rootfsPropagation()).isEqualTo("rslave");
  }

  @Test
  void aMountOnDevTakesThePlaceOfAllBelowIt() {
    RuntimeSpec spec =
        generator.generate(
            input(
                container().build(),
                IMAGE,
                List.of(mount("/dev", BoundMount.Propagation.PRIVATE))));
    assertThat(spec.mounts())
        .extracting(dev.berth.runtime.spec.Mount::destination)
        .filteredOn(path -> path.startsWith("/dev"))
        .containsExactly("/dev");
  }

  @ParameterizedTest
  @CsvSource({
    "RuntimeDefault, '', true",
    "Unconfined, '', false",
  })
  void theFilterFollowsTheProfile(SecurityProfile.ProfileType type, String file, boolean filtered) {
    var container = container();
    container
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .setSeccomp(SecurityProfile.newBuilder().setProfileType(type).setLocalhostRef(file));
    RuntimeSpec spec = generator.generate(input(container.build(), CGROUP_V1));
    assertThat(spec.linux().seccomp() != null).isEqualTo(filtered);
  }

  @Test
  void withoutAProfileThereIsNoFilter() {
    RuntimeSpec spec = generator.generate(input(container().build(), CGROUP_V1));
    assertThat(spec.linux().seccomp()).isNull();
  }

  @Test
  void textsThatTheKernelWouldCutAreRefused() {
    var nul = container().addEnvs(env("A", "x\0y")).build();
    assertThatThrownBy(() -> generator.generate(input(nul, CGROUP_V1)))
        .hasMessageContaining("envs")
        .hasMessageContaining("NUL");
    var latin1 =
        KeyValue.newBuilder()
            .setKey("B")
            .setValue(ByteString.copyFrom(new byte[] {'a', (byte) 0xe9}));
    var bytes = container().addEnvs(env("A", "x")).addEnvs(latin1).build();
    assertThatThrownBy(() -> generator.generate(input(bytes, CGROUP_V1)))
        .hasMessage("envs[1] B: the value is not valid UTF-8");
    var name = container().addEnvs(env("A=B", "x")).build();
    assertThatThrownBy(() -> generator.generate(input(name, CGROUP_V1)))
        .hasMessageContaining("A=B");
  }

  @ParameterizedTest
  @CsvSource({"1001", "-1001", "4294967296", "-9223372036854775808", "9223372036854775807"})
  void aScoreThatTheKernelDoesNotHaveIsRefused(long score) {
    var resources = LinuxContainerResources.newBuilder().setOomScoreAdj(score);
    var config = container();
    config.getLinuxBuilder().setResources(resources);
    assertThatThrownBy(() -> generator.generate(input(config.build(), CGROUP_V1)))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
        .hasMessage("resources.oom_score_adj " + score + " is not between -1000 and 1000");
  }

  private void assertGolden(String file, SpecInput input) throws IOException {
    String actual =
        new GsonBuilder()
            .setPrettyPrinting()
            .disableHtmlEscaping()
            .create()
            .toJson(
                JsonParser.parseString(
                    new String(generator.generate(input).toJson(), StandardCharsets.UTF_8)));
    try (InputStream golden = SpecGeneratorTest.class.getResourceAsStream(file)) {
      assertThat(golden).as("golden file %s; expected content:%n%s", file, actual).isNotNull();
      assertThat(actual)
          .isEqualTo(new String(golden.readAllBytes(), StandardCharsets.UTF_8).strip());
    }
  }

  private static ContainerConfig.Builder kubernetes() {
    ContainerConfig.Builder container =
        container().addEnvs(env("A", "pod")).addEnvs(env("EMPTY", ""));
    container.setLinux(
        LinuxContainerConfig.newBuilder()
            .setResources(
                LinuxContainerResources.newBuilder()
                    .setCpuPeriod(100_000)
                    .setCpuQuota(50_000)
                    .setCpuShares(512)
                    .setMemoryLimitInBytes(64 << 20)
                    .setOomScoreAdj(968)
                    .addHugepageLimits(HugepageLimit.newBuilder().setPageSize("2MB").setLimit(0))
                    .putUnified("memory.oom.group", "1"))
            .setSecurityContext(
                LinuxContainerSecurityContext.newBuilder()
                    .setNamespaceOptions(
                        NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER))
                    .addMaskedPaths("/proc/kcore")
                    .addReadonlyPaths("/proc/sys")
                    .setReadonlyRootfs(true)
                    .setNoNewPrivs(true)
                    .setSeccomp(SecurityProfile.getDefaultInstance())));
    return container;
  }

  private static ContainerConfig.Builder container() {
    ContainerConfig.Builder container =
        ContainerConfig.newBuilder()
            .setMetadata(ContainerMetadata.newBuilder().setName("app"))
            .setImage(ImageSpec.newBuilder().setImage("localhost/app:1"))
            .addCommand("/bin/app");
    container
        .getLinuxBuilder()
        .getSecurityContextBuilder()
        .setNamespaceOptions(NamespaceOption.newBuilder().setPid(NamespaceMode.CONTAINER));
    return container;
  }

  private static ContainerConfig withCapabilities(Capability.Builder change) {
    ContainerConfig.Builder container = container();
    container.getLinuxBuilder().getSecurityContextBuilder().setCapabilities(change);
    return container.build();
  }

  private static KeyValue env(String key, String value) {
    return KeyValue.newBuilder().setKey(key).setValue(ByteString.copyFromUtf8(value)).build();
  }

  private static BoundMount mount(String destination, BoundMount.Propagation propagation) {
    return new BoundMount(
        Path.of("/host" + destination),
        destination,
        BoundMount.Access.READ_ONLY,
        propagation,
        IdMappings.NONE);
  }

  private static SpecInput input(ContainerConfig container, HostFacts host) {
    return input(container, IMAGE, List.of(mount("/data", BoundMount.Propagation.PRIVATE)), host);
  }

  private static SpecInput input(
      ContainerConfig container, ImageDefaults image, List<BoundMount> mounts) {
    return input(container, image, mounts, CGROUP_V1);
  }

  private static SpecInput input(
      ContainerConfig container, ImageDefaults image, List<BoundMount> mounts, HostFacts host) {
    return new SpecInput(
        "sandbox-id",
        "container-id",
        PodSandboxConfig.newBuilder()
            .setMetadata(
                PodSandboxMetadata.newBuilder().setName("web").setNamespace("shop").setUid("uid-1"))
            .build(),
        container,
        image,
        new Users.Resolved(new ContainerUser(1000, 1001, List.of(50L, 1001L)), "/home/app"),
        new PodResources(
            "web",
            Map.of("network", "/run/ns/net", "ipc", "/run/ns/ipc", "uts", "/run/ns/uts"),
            IdMappings.NONE,
            Path.of("/run/pod/hosts"),
            Path.of("/run/pod/resolv.conf"),
            Path.of("/run/pod/hostname"),
            Path.of("/run/pod/shm")),
        mounts,
        List.of(new HostDevice("/dev/fuse", "c", 10, 229, 0666, 0, 0, "rw")),
        CdiInput.NONE,
        Optional.empty(),
        Optional.empty(),
        Optional.empty(),
        host,
        "/kubepods/pod1/container-id");
  }
}
