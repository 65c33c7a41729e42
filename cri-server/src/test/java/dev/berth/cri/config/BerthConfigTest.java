package dev.berth.cri.config;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.LogLevel;
import dev.berth.sandbox.net.Subnet;
import dev.berth.testing.RequiresRoot;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class BerthConfigTest {
  private static final ConfigFlags NO_FLAGS = ConfigFlags.parse(List.of());

  private static BerthConfig fromFile(String toml) {
    return BerthConfig.resolve(ConfigFile.parse("config.toml", toml), NO_FLAGS);
  }

  private static BerthConfig fromFlags(String... flags) {
    return BerthConfig.resolve(ConfigFile.NONE, ConfigFlags.parse(List.of(flags)));
  }

  @Test
  void defaultsStandWithoutFileAndFlags() {
    BerthConfig config = fromFlags();
    assertThat(config.root()).isEqualTo(Path.of("/var/lib/berth"));
    assertThat(config.socket()).isEqualTo(Path.of("/run/berth/berthd.sock"));
    assertThat(config.instance()).isEqualTo("berth");
    assertThat(config.socketAccess()).isEqualTo(new SocketAccess(0660, "root"));
    assertThat(config.network().cni().binDirs())
        .containsExactly(Path.of("/opt/cni/bin"), Path.of("/usr/lib/cni"));
    assertThat(config.handlers()).isEqualTo(Map.of("berth", RuntimeHandler.BERTH));
    assertThat(config.network().cni().pluginTimeout()).isEqualTo(Duration.ofMinutes(1));
    assertThat(config.cgroupParent()).isEqualTo("/berth");
    assertThat(config.anyMountNamespace()).isFalse();
  }

  @Test
  void cgroupParentIsWhatTheDriverCanUse() {
    assertThat(fromFlags("--cgroup-driver=systemd").cgroupParent()).isEqualTo("berth.slice");
    assertThat(fromFlags("--cgroup-driver=systemd", "--cgroup-parent=a-b.slice").cgroupParent())
        .isEqualTo("a-b.slice");
    assertThatThrownBy(() -> fromFlags("--cgroup-driver=systemd", "--cgroup-parent=/berth"))
        .hasMessageEndingWith(
            "must be a slice, such as berth.slice, where cgroup_driver is systemd, not \"/berth\"");
  }

  @Test
  void printedDefaultsReadBackAsTheDefaults() {
    assertThat(fromFile(DefaultConfig.text())).isEqualTo(fromFlags());
  }

  @Test
  void everyKeyHasItsMeaningInThePrintedDefaults() {
    for (ConfigKey key : ConfigKey.values()) {
      assertThat(DefaultConfig.text()).contains("# " + key.meaning().getFirst() + "\n");
    }
  }

  @Test
  void flagsWinOverTheFile() {
    ConfigFile file = ConfigFile.parse("config.toml", "root = '/a'\nstate = '/b'\n");
    BerthConfig config =
        BerthConfig.resolve(file, ConfigFlags.parse(List.of("--root", "/c", "--log-level=debug")));
    assertThat(config.root()).isEqualTo(Path.of("/c"));
    assertThat(config.state()).isEqualTo(Path.of("/b"));
    assertThat(config.socket()).isEqualTo(Path.of("/b/berthd.sock"));
    assertThat(config.logLevel()).isEqualTo(LogLevel.DEBUG);
  }

  @Test
  void booleanFlagNeedsNoValue() {
    assertThat(fromFlags("--any-mount-namespace", "--root=/x").anyMountNamespace()).isTrue();
  }

  @Test
  void subnetsFollowTheInstanceUnlessGiven() {
    List<Subnet> one = fromFlags("--instance", "one").network().bridge().subnets();
    List<Subnet> two = fromFlags("--instance", "two").network().bridge().subnets();
    assertThat(one).hasSize(2).doesNotContainAnyElementsOf(two);
    assertThat(one.getFirst().toString()).matches("10\\.[0-9]+\\.[0-9]+\\.0/20");
    assertThat(one.getLast().toString()).matches("fd[0-9a-f:]+/64");
    assertThat(
            fromFlags("--network-subnets", "fd00:1::/64,10.9.0.0/16").network().bridge().subnets())
        .containsExactly(Subnet.parse("10.9.0.0/16"), Subnet.parse("fd00:1::/64"));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--network-subnets=10.1.2.3/16 | --network-subnets: subnet \"10.1.2.3/16\": not the start of a subnet",
        "--network-subnets=10.1.0.0/16,10.2.0.0/16 | --network-subnets must be one subnet, or one of IPv4 and one of IPv6, not \"10.1.0.0/16,10.2.0.0/16\"",
        "--network-mtu=68 | --network-mtu must be between 1280 and 65535, not \"68\"",
        "--network=bridge | --network must be auto or cni or own, not \"bridge\"",
      })
  void badNetworkIsRefusedWithItsFlag(String flag, String message) {
    assertThatThrownBy(() -> fromFlags(flag))
        .isInstanceOf(BerthException.class)
        .hasMessage(message);
  }

  @Test
  void instanceFollowsTheRootUnlessGiven() {
    String one = fromFlags("--root", "/srv/one").instance();
    assertThat(one).matches("b[0-9a-f]{8}").isEqualTo(fromFlags("--root=/srv/one/").instance());
    assertThat(one).isNotEqualTo(fromFlags("--root", "/srv/two").instance());
    assertThat(fromFlags("--root", "/srv/one", "--instance", "blue").instance()).isEqualTo("blue");
  }

  @Test
  void pluginsConnectWhereTheyLookUnlessTheStateIsNotTheDefaultOne() {
    assertThat(fromFlags().nri())
        .contains(
            new NriAccess(
                Path.of("/var/run/nri/nri.sock"),
                true,
                Duration.ofSeconds(5),
                Duration.ofSeconds(2)));
    assertThat(fromFlags("--state", "/run/other").nri().orElseThrow())
        .extracting(NriAccess::socket, NriAccess::sharedPath)
        .containsExactly(Path.of("/run/other/nri.sock"), false);
    assertThat(fromFlags("--nri-socket", "/x.sock", "--nri-request-timeout=1s").nri())
        .contains(
            new NriAccess(Path.of("/x.sock"), false, Duration.ofSeconds(5), Duration.ofSeconds(1)));
    assertThat(fromFlags("--nri=false").nri()).isEmpty();
  }

  @Test
  void handlersAreRead() {
    BerthConfig config =
        fromFile(
            """
            default_handler = "runc"
            [handlers.runc]
            shim = "/usr/bin/containerd-shim-runc-v2"
            oci_runtime = "/usr/bin/crun"
            cni_conf_dir = "/etc/cni/runc.d"
            [handlers.kata]
            shim = "containerd-shim-kata-v2"
            sandbox_task = true
            """);
    assertThat(config.defaultHandler()).isEqualTo("runc");
    assertThat(config.handlers().values())
        .containsExactlyInAnyOrder(
            RuntimeHandler.BERTH,
            new RuntimeHandler(
                "runc",
                "/usr/bin/containerd-shim-runc-v2",
                Optional.of(Path.of("/usr/bin/crun")),
                Optional.of(Path.of("/etc/cni/runc.d")),
                false),
            new RuntimeHandler(
                "kata", "containerd-shim-kata-v2", Optional.empty(), Optional.empty(), true));
    assertThat(config.network().handlerConfDirs())
        .isEqualTo(Map.of("runc", Path.of("/etc/cni/runc.d")));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      textBlock =
          """
          rot = "/x"                           | config.toml:1:1: unknown key rot; did you mean root?
          root = 3                             | config.toml:1:1: root must be a string, not an integer
          any_mount_namespace = "yes"          | config.toml:1:1: any_mount_namespace must be true or false, not a string
          root = "x"                           | config.toml:1:1: root must be an absolute path, not "x"
          cgroup_driver = "systemctl"          | config.toml:1:1: cgroup_driver must be cgroupfs or systemd, not "systemctl"
          cgroup_parent = "berth"              | config.toml:1:1: cgroup_parent must be an absolute path, not "berth"
          cgroup_parent = "/berth.slice"       | config.toml:1:1: cgroup_parent must be no slice of systemd where cgroup_driver is cgroupfs, not "/berth.slice"
          socket_mode = "rw"                   | config.toml:1:1: socket_mode must be an octal file mode such as 0660, not "rw"
          instance = "a/b"                     | config.toml:1:1: instance must be up to 12 of a-z and 0-9, not "a/b"
          default_handler = "kata"             | config.toml:1:1: default_handler must be one of the handlers berth, not "kata"
          handlers = 1                         | config.toml:1:1: handlers must be a table, not an integer
          handlers.x = {}                      | config.toml:1:1: handlers.x needs a shim
          handlers.x = {shim = 1}              | config.toml:1:15: shim must be a string, not an integer
          handlers.x = {shim = "y", shimm = 1} | config.toml:1:27: unknown key shimm; did you mean shim?
          handlers.x = {shim = "y", sandbox_task = 1} | config.toml:1:27: sandbox_task must be true or false, not an integer
          handlers.x = {shim = "y", oci_runtime = "z"} | config.toml:1:27: oci_runtime must be an absolute path
          cni_timeout = "1 hour"               | config.toml:1:1: cni_timeout must be a duration such as 500ms, 60s or 2m, not "1 hour"
          """)
  void wrongFileIsOneErrorWithItsPlace(String toml, String message) {
    assertThatThrownBy(() -> fromFile(toml))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
        .hasMessage(message);
  }

  @Test
  void brokenTomlIsAnErrorWithItsPlace() {
    assertThatThrownBy(() -> fromFile("root = \"/x\"\nstate = = \n"))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith("config.toml:2:9: ");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      textBlock =
          """
          --rot=/x               | unknown flag --rot; did you mean --root?
          --root                 | flag --root needs a value
          --root=x               | --root must be an absolute path, not "x"
          --any-mount-namespace=1 | --any-mount-namespace must be true or false, not "1"
          state=/x               | unknown flag state; did you mean --state?
          --config               | flag --config needs a value
          """)
  void wrongFlagIsOneErrorThatNamesIt(String flag, String message) {
    assertThatThrownBy(() -> fromFlags(flag))
        .isInstanceOf(BerthException.class)
        .hasMessage(message);
  }

  @Test
  void socketPathThatTheKernelCannotBindIsRefused() {
    assertThatThrownBy(() -> fromFlags("--state", "/" + "s".repeat(100)))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("at most 107 bytes");
  }

  @Test
  void missingFileIsAnError() {
    assertThatThrownBy(() -> BerthConfig.load(List.of("--config", "/nonexistent.toml")))
        .isInstanceOf(BerthException.class)
        .hasMessage("config file /nonexistent.toml: no such file");
  }

  @Test
  void emptyConfigFlagAsksForNoFile() {
    assertThat(BerthConfig.load(List.of("--config=", "--root=/x")).root()).isEqualTo(Path.of("/x"));
  }

  @Test
  @RequiresRoot
  void fileThatOthersCanWriteIsRefused(@TempDir Path dir) throws Exception {
    Path file = Files.writeString(dir.resolve("config.toml"), "root = '/x'\n");
    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-rw-r--"));
    assertThatThrownBy(() -> ConfigFile.read(file))
        .isInstanceOf(BerthException.class)
        .hasMessage("config file " + file + " must be writable by root only, its mode is 664");

    Files.setPosixFilePermissions(file, PosixFilePermissions.fromString("rw-r--r--"));
    assertThat(ConfigFile.read(file).values()).containsOnlyKeys(ConfigKey.ROOT);

    Files.setAttribute(file, "unix:uid", 65534);
    assertThatThrownBy(() -> ConfigFile.read(file))
        .isInstanceOf(BerthException.class)
        .hasMessage("config file " + file + " must be owned by root, not by uid 65534");
  }

  @Test
  void streamsAreServedOnLoopbackUnlessThereIsTls() {
    assertThat(fromFlags().streaming())
        .isEqualTo(new StreamSettings("127.0.0.1", 0, Optional.empty()));
    String[] tls = {"--stream-address=10.0.0.5", "--stream-tls-cert=/c", "--stream-tls-key=/k"};
    assertThat(fromFlags(tls).streaming().tls())
        .contains(new StreamSettings.Tls(Path.of("/c"), Path.of("/k")));
    assertThat(fromFlags("--stream-address=::1", "--stream-port=10010").streaming().port())
        .isEqualTo(10010);
  }

  @ParameterizedTest
  @CsvSource({
    "--stream-address=10.0.0.5, loopback",
    "--stream-address=0.0.0.0, loopback",
    "--stream-address=localhost, IP address",
    "--stream-port=65536, port number",
    "--stream-port=http, port number",
    "--stream-tls-cert=/c, absolute path",
  })
  void wrongStreamSettingsAreNamed(String flag, String expectation) {
    assertThatThrownBy(() -> fromFlags(flag))
        .hasMessageContaining("stream")
        .hasMessageContaining(expectation);
  }
}
