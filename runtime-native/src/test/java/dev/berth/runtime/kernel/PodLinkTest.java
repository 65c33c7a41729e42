package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.net.InetAddress;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Bridges, pairs of devices and the packet filter, in namespaces of the test's own. */
@RequiresRoot
class PodLinkTest {
  private static final String MAC = "0a:58:0a:63:00:02";

  @TempDir Path directory;
  private DirFd dir;
  private RtNetlink host;

  @BeforeEach
  void makeNamespaces() {
    dir = DirFd.open(directory);
    for (String name : List.of("host", "pod")) {
      Namespaces.create(
          Map.of(NamespaceType.NETWORK, new Namespaces.Pin(dir, name)),
          NamespaceSetup::bringLoopbackUp);
    }
    host = in("host", RtNetlink::open);
  }

  @AfterEach
  void removeNamespaces() {
    host.close();
    Namespaces.unpin(dir, "host");
    Namespaces.unpin(dir, "pod");
    dir.close();
  }

  private <T> T in(String namespace, java.util.concurrent.Callable<T> work) {
    try (Fd fd = Namespaces.open(dir, namespace, NamespaceType.NETWORK)) {
      return Namespaces.callInNetwork(fd, work);
    }
  }

  private String run(String namespace, String... command) throws IOException {
    List<String> words = new java.util.ArrayList<>();
    words.add("nsenter");
    words.add("--net=" + directory.resolve(namespace));
    words.addAll(List.of(command));
    Process process = new ProcessBuilder(words).redirectErrorStream(true).start();
    return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
  }

  private static InetAddress address(String text) {
    return InetAddress.ofLiteral(text);
  }

  private RtNetlink.Link attachPod() {
    host.addBridge("br", "0a:58:0a:63:00:01", 1400);
    RtNetlink.Link bridge = host.link("br");
    host.addAddress(new RtNetlink.Address(bridge.index(), address("10.99.0.1"), 24));
    host.addAddress(new RtNetlink.Address(bridge.index(), address("fd99::1"), 64));
    try (Fd pod = Namespaces.open(dir, "pod", NamespaceType.NETWORK)) {
      host.addVethPair(new RtNetlink.VethPair("pod1", bridge.index(), 1400, "eth0", MAC, pod));
    }
    try (RtNetlink inside = in("pod", RtNetlink::open)) {
      RtNetlink.Link eth0 = inside.link("eth0");
      inside.bringUp(
          eth0.index(),
          List.of(
              new RtNetlink.Address(eth0.index(), address("10.99.0.2"), 24),
              new RtNetlink.Address(eth0.index(), address("fd99::2"), 64)),
          List.of(address("10.99.0.1"), address("fd99::1")));
      return inside.link("eth0");
    }
  }

  @Test
  void podIsReachedThroughItsPairByBothFamilies() throws IOException {
    RtNetlink.Link eth0 = attachPod();

    assertThat(eth0.up()).isTrue();
    assertThat(eth0.mac()).isEqualTo(MAC);
    assertThat(eth0.mtu()).isEqualTo(1400);
    assertThat(host.link("pod1").masterIndex()).isEqualTo(host.link("br").index());
    assertThat(run("host", "busybox", "ping", "-c1", "-W2", "10.99.0.2"))
        .contains("1 packets received");
    assertThat(run("host", "busybox", "ping", "-c1", "-W2", "fd99::2"))
        .contains("1 packets received");
    assertThat(run("pod", "ip", "route")).contains("default via 10.99.0.1 dev eth0");
    assertThat(run("pod", "ip", "-6", "route")).contains("default via fd99::1 dev eth0");
    assertThat(run("host", "ip", "-6", "addr", "show", "dev", "pod1")).isEmpty();
  }

  @Test
  void rateOfADeviceIsLimited() throws IOException {
    RtNetlink.Link eth0 = attachPod();
    try (RtNetlink inside = in("pod", RtNetlink::open)) {
      inside.limitRate(eth0.index(), 1_250_000, 65536);
    }
    assertThat(run("pod", "tc", "qdisc", "show", "dev", "eth0"))
        .contains("qdisc tbf")
        .contains("rate 10Mbit burst 64Kb");
  }

  @Test
  void kernelsOwnWordsAreInTheError() {
    host.addBridge("br", "0a:58:0a:63:00:01", 1500);
    assertThatThrownBy(() -> host.addBridge("br", "0a:58:0a:63:00:01", 1500))
        .isInstanceOf(NativeException.class)
        .hasMessage("netlink bridge br: EEXIST (file exists)");
    assertThat(host.findLink("none")).isEmpty();
    host.deleteLink(host.link("br").index());
    assertThat(host.findLink("br")).isEmpty();
  }

  private static NfBatch table() {
    return new NfBatch("pods")
        .replaceTable()
        .map(
            new NfBatch.MapType(
                "ports",
                List.of(
                    NfBatch.FieldType.IPV4_ADDR,
                    NfBatch.FieldType.INET_PROTO,
                    NfBatch.FieldType.INET_SERVICE),
                List.of(NfBatch.FieldType.IPV4_ADDR, NfBatch.FieldType.INET_SERVICE)))
        .chain("redirect")
        .chain(new NfBatch.BaseChain("incoming", "nat", NfBatch.Hook.PREROUTING, -100))
        .chain(new NfBatch.BaseChain("outgoing", "nat", NfBatch.Hook.POSTROUTING, 100))
        .chain(new NfBatch.BaseChain("guard", "filter", NfBatch.Hook.PREROUTING, -300))
        .rule("incoming", new NfRule().toThisHost().jump("redirect"))
        .rule(
            "redirect",
            new NfRule().family(NfRule.Family.IPV4).redirect(NfRule.Family.IPV4, "ports", true))
        .rule(
            "outgoing",
            new NfRule()
                .family(NfRule.Family.IPV4)
                .from(NfRule.Family.IPV4, new byte[] {10, 99, 0, 0}, 20)
                .toOutside(NfRule.Family.IPV4, new byte[] {(byte) 224, 0, 0, 0}, 4)
                .leavesByAnotherThan("br")
                .masquerade())
        .rule("outgoing", new NfRule().leavesBy("br").wasRedirected().masquerade())
        .rule(
            "guard",
            new NfRule()
                .cameInBy("br")
                .family(NfRule.Family.IPV6)
                .to(NfRule.Family.IPV6, address("fd99::2").getAddress(), 128)
                .drop())
        .element(
            "ports",
            new byte[] {127, 0, 0, 1, 6, 0, 0, 0, 0x1f, (byte) 0x90, 0, 0},
            new byte[] {10, 99, 0, 2, 0, 80, 0, 0});
  }

  @Test
  void tableReadsAsItWasMeant() throws IOException {
    try (NfTables tables = in("host", NfTables::open)) {
      tables.commit(table());
      tables.commit(table()); // replaces the first
      assertThat(run("host", "nft", "-n", "list", "ruleset"))
          .isEqualTo(
              """
              table inet pods {
              	map ports {
              		type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service
              		elements = { 127.0.0.1 . 6 . 8080 : 10.99.0.2 . 80 }
              	}

              	chain redirect {
              		dnat ip to ip daddr . meta l4proto . th dport map @ports
              	}

              	chain incoming {
              		type nat hook prerouting priority -100; policy accept;
              		fib daddr type 2 jump redirect
              	}

              	chain outgoing {
              		type nat hook postrouting priority 100; policy accept;
              		ip saddr 10.99.0.0/20 ip daddr != 224.0.0.0/4 oifname != "br" masquerade
              		oifname "br" ct status 0x20 masquerade
              	}

              	chain guard {
              		type filter hook prerouting priority -300; policy accept;
              		iifname "br" ip6 daddr fd99::2 drop
              	}
              }
              """);
    }
  }

  @Test
  void changesByOthersAreReportedAndOwnOnesAreNot() throws IOException {
    try (NfTables tables = in("host", NfTables::open)) {
      tables.commit(table());
      assertThat(tables.changedTables()).contains(List.of());
      run("host", "nft", "add", "table", "inet", "other");
      run("host", "nft", "flush", "ruleset");
      assertThat(tables.changedTables().orElseThrow()).containsExactlyInAnyOrder("other", "pods");
      tables.commit(table());
      assertThat(tables.changedTables()).contains(List.of());
    }
  }

  @Test
  void batchThatIsRefusedChangesNothing() throws IOException {
    try (NfTables tables = in("host", NfTables::open)) {
      NfBatch batch =
          new NfBatch("pods").replaceTable().chain("one").removeElement("none", new byte[8]);
      assertThatThrownBy(() -> tables.commit(batch))
          .hasMessageStartingWith("netlink nftables table pods: element of map none: ENOENT");
      assertThat(run("host", "nft", "list", "ruleset")).isEmpty();
      tables.commit(new NfBatch("pods").deleteTable());
    }
  }
}
