package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.NetDevice;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.testing.Await;
import dev.berth.testing.BusyboxBundle;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** One end of a pair is moved; the addresses are those that documentation may use. */
@RequiresRoot
class NetDevicesTest {
  private static final int SIGKILL = 9;

  private final String device = "bt" + ProcessHandle.current().pid() + "a";
  private final String other = "bt" + ProcessHandle.current().pid() + "b";
  private TaskFixture fixture;

  @BeforeEach
  void open() throws IOException {
    fixture = new TaskFixture();
    ip("link", "add", device, "type", "veth", "peer", "name", other);
    ip("link", "set", other, "up");
    ip("link", "set", device, "up", "mtu", "1400", "address", "0a:58:00:00:00:07");
    ip("addr", "add", "192.0.2.7/24", "brd", "192.0.2.200", "dev", device);
    ip("addr", "add", "198.51.100.8/24", "scope", "link", "dev", device);
    ip("addr", "add", "2001:db8::7/64", "nodad", "dev", device);
    ip("addr", "add", "2001:db8::8/64", "valid_lft", "600", "preferred_lft", "600", "dev", device);
  }

  @AfterEach
  void close() throws IOException {
    fixture.close();
    run("ip", "link", "delete", other); // and the other end with it, wherever it is
  }

  private static String ip(String... words) throws IOException {
    List<String> command = new ArrayList<>(List.of("ip"));
    command.addAll(List.of(words));
    String output = run(command.toArray(String[]::new));
    assertThat(output).as("ip %s", String.join(" ", words)).doesNotContain("rror", "annot");
    return output;
  }

  private static String run(String... command) throws IOException {
    Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  @Test
  void deviceIsMovedWithItsLastingAddressesAndSetUp() throws IOException {
    Linux linux = linux(Map.of(device, new NetDevice("eth0")));
    try (Task task = fixture.create("c", fixture.spec("exec sleep 1000").linux(linux).build())) {
      assertThat(run("ip", "link", "show", device)).contains("does not exist");
      String seen = inside(task, "ip", "addr", "show", "eth0");
      assertThat(seen)
          .contains(",UP", "mtu 1400", "0a:58:00:00:00:07")
          .contains("inet 192.0.2.7/24 brd 192.0.2.200 scope global eth0")
          .contains("inet6 2001:db8::7/64 scope global")
          .doesNotContain("198.51.100.8", "2001:db8::8");
      end(task);
    }
  }

  @Test
  void deviceKeepsItsNameInAUserNamespaceOfTheContainersOwn() throws IOException {
    List<IdMapping> map = List.of(new IdMapping(0, 100_000, 65_536));
    Linux linux = linux(Map.of(device, new NetDevice(null)));
    List<Namespace> namespaces = new ArrayList<>(linux.namespaces());
    namespaces.add(Namespace.fresh("user"));
    Linux mapped =
        linux.toBuilder().namespaces(namespaces).uidMappings(map).gidMappings(map).build();
    RuntimeSpec spec = fixture.spec("ip addr show " + device).hostname(null).linux(mapped).build();
    assertThat(fixture.run(spec)).contains("inet 192.0.2.7/24", "UP").endsWith("exit 0\n");
  }

  @Test
  void templateIsFilledInAndTakenNumbersArePassedOverInAJoinedNamespace() throws IOException {
    Linux plain = BusyboxBundle.linux().build();
    try (Task first = fixture.create("first", fixture.spec("sleep 1000").linux(plain).build())) {
      int index = Integer.parseInt(ip("-o", "link", "show", device).split(":", 2)[0]);
      inside(first, "ip", "link", "add", "net0", "index", "" + index, "type", "bridge");
      fixture.log().toFile().delete();
      List<Namespace> joining = new ArrayList<>(plain.namespaces());
      joining.removeIf(namespace -> namespace.type().equals("network"));
      joining.add(Namespace.join("network", "/proc/" + first.pid() + "/ns/net"));
      Linux linux =
          linux(Map.of(device, new NetDevice("net%d"))).toBuilder().namespaces(joining).build();
      assertThat(fixture.run(fixture.spec("ip addr show net1").linux(linux).build()))
          .contains("inet 192.0.2.7/24", "UP")
          .endsWith("exit 0\n");
      assertThat(inside(first, "ip", "link", "show", "net1")).contains("net1");
      end(first);
    }
  }

  @Test
  void createRuntimeHookFindsTheDeviceMoved() throws IOException {
    String script = "ip link show " + device + " || ip link show " + other + " >&2; exit 7";
    Hooks hooks =
        new Hooks(
            List.of(),
            List.of(new Hooks.Hook("/bin/sh", List.of("sh", "-c", script), List.of(), null)),
            List.of(),
            List.of(),
            List.of(),
            List.of());
    Linux linux = linux(Map.of(device, new NetDevice("eth0")));
    assertThatThrownBy(
            () -> fixture.create("c", fixture.spec("true").linux(linux).hooks(hooks).build()))
        .hasMessageContaining("hooks.createRuntime[0]")
        .hasMessageContaining(other);
  }

  @Test
  void missingDeviceIsNamedAndTheOthersAreGoneWithTheNamespace() throws IOException {
    Map<String, NetDevice> devices = new java.util.LinkedHashMap<>();
    devices.put(device, new NetDevice("eth0"));
    devices.put("bt-none", new NetDevice(null));
    RuntimeSpec spec = fixture.spec("true").linux(linux(devices)).build();
    assertThatThrownBy(() -> fixture.create("c", spec))
        .hasMessage("linux.netDevices[\"bt-none\"]: no network device bt-none");
    assertThat(fixture.base.resolve("state/c")).doesNotExist();
    Await.until(
        "the pair is gone",
        TaskFixture.LIMIT,
        () -> run("ip", "link", "show", other).contains("does not exist"));
  }

  @Test
  void takenNameIsSaidBeforeTheDeviceIsMoved() throws IOException {
    RuntimeSpec spec =
        fixture.spec("true").linux(linux(Map.of(device, new NetDevice("lo")))).build();
    assertThatThrownBy(() -> fixture.create("c", spec))
        .hasMessage("linux.netDevices[\"" + device + "\"]: its namespace has a device lo");
    assertThat(run("ip", "addr", "show", device)).contains("192.0.2.7/24");
  }

  private static Linux linux(Map<String, NetDevice> devices) {
    return BusyboxBundle.linux().netDevices(devices).build();
  }

  private static String inside(Task task, String... command) throws IOException {
    List<String> words =
        new ArrayList<>(List.of("nsenter", "--net=/proc/" + task.pid() + "/ns/net"));
    words.addAll(List.of(command));
    return run(words.toArray(String[]::new));
  }

  private static void end(Task task) {
    task.kill(SIGKILL, true);
    task.await(TaskFixture.LIMIT);
    task.delete();
  }
}
