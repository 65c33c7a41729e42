package dev.berth.sandbox.net;

import static dev.berth.sandbox.net.TestHost.HOST;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.sandbox.net.HostPort.Protocol;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Berth's own network against the real kernel, in namespaces that play the host and its pods. */
@RequiresRoot
class BridgeNetworkTest {
  private static final BridgeSettings SETTINGS =
      new BridgeSettings(
          "netest",
          List.of(Subnet.parse("10.99.16.0/20"), Subnet.parse("fd99:1::/64")),
          1500,
          true);

  @TempDir Path directory;
  private TestHost host;
  private BridgeNetwork network;

  @BeforeEach
  void makeHost() throws IOException {
    host = new TestHost(Files.createDirectory(directory.resolve("ns")));
    network = new BridgeNetwork(SETTINGS, host.network());
  }

  @AfterEach
  void remove() {
    network.close();
    host.close();
  }

  private PodAddresses pod(String name, HostPort... ports) throws IOException {
    PodAddresses addresses = network.choose(name);
    network.attach(name, host.add(name), addresses, List.of(ports), RateLimits.NONE);
    return addresses;
  }

  /** A pod with a web server on port 8080 that says the pod's name. */
  private PodAddresses serving(String name, HostPort... ports) throws IOException {
    PodAddresses addresses = pod(name, ports);
    Path pages = Files.createDirectory(directory.resolve("pages-" + name));
    Files.writeString(pages.resolve("name"), name);
    host.serve(name, "busybox httpd -f -p [::]:8080 -h " + pages);
    Await.until(
        "the server of " + name + " answers",
        Duration.ofSeconds(5),
        () -> host.get(name, "127.0.0.1:8080").equals(name));
    return addresses;
  }

  private static HostPort port(String address, Protocol protocol, int hostPort) {
    return new HostPort(HostPort.address(address), protocol, hostPort, 8080);
  }

  /** A machine beside the host, which knows the host's address only. */
  private void addNeighbour() throws IOException {
    host.add("neighbour");
    host.run(
        HOST, "ip link add wan type veth peer name wan netns " + directory.resolve("ns/neighbour"));
    List<String> names = List.of(HOST, "neighbour");
    for (String name : names) {
      int number = names.indexOf(name) + 1;
      host.run(name, "busybox sh -c 'echo 0 > /proc/sys/net/ipv6/conf/wan/accept_dad'");
      host.run(name, "ip addr add 192.0.2." + number + "/24 dev wan");
      host.run(name, "ip addr add 2001:db8::" + number + "/64 dev wan nodad");
      host.run(name, "ip link set wan up");
    }
  }

  @Test
  void podsReachEachOtherAndTheHostByBothFamilies() throws IOException {
    PodAddresses one = serving("one");
    PodAddresses two = serving("two");

    for (int family : List.of(0, 1)) {
      String first = literal(one.texts().get(family)) + ":8080";
      String second = literal(two.texts().get(family)) + ":8080";
      assertThat(host.get("one", second)).isEqualTo("two");
      assertThat(host.get("two", first)).isEqualTo("one");
      assertThat(host.get(HOST, first)).isEqualTo("one");
    }
    assertThat(one.texts()).containsExactly("10.99.16.2", "fd99:1:0:0:0:0:0:2");
    assertThat(two.texts()).containsExactly("10.99.16.3", "fd99:1:0:0:0:0:0:3");
    assertThat(host.run("one", "ip link show eth0")).contains("0a:58:0a:63:10:02");
  }

  private static String literal(String address) {
    return address.contains(":") ? "[" + address + "]" : address;
  }

  @Test
  void hostPortAnswersAtEveryAddressOfTheHost() throws IOException {
    addNeighbour();
    serving("one", port("", Protocol.TCP, 12000));

    assertThat(host.get(HOST, "127.0.0.1:12000")).isEqualTo("one");
    assertThat(host.get(HOST, "192.0.2.1:12000")).isEqualTo("one");
    assertThat(host.get(HOST, "[2001:db8::1]:12000")).isEqualTo("one");
    assertThat(host.get("neighbour", "192.0.2.1:12000")).isEqualTo("one");
    assertThat(host.get("neighbour", "[2001:db8::1]:12000")).isEqualTo("one");
    // A pod that asks for its own host port is answered too.
    assertThat(host.get("one", "192.0.2.1:12000")).isEqualTo("one");
    assertThat(host.get("one", "[2001:db8::1]:12000")).isEqualTo("one");
  }

  @Test
  void samePortOfDifferentAddressesAndProtocolsLeadsToDifferentPods() throws IOException {
    addNeighbour();
    serving("loopback", port("127.0.0.1", Protocol.TCP, 12001));
    serving("outside", port("192.0.2.1", Protocol.TCP, 12001));
    serving("everywhere", port("0.0.0.0", Protocol.TCP, 12001));
    serving("six", port("::", Protocol.TCP, 12001));
    pod("udp", port("0.0.0.0", Protocol.UDP, 12001));
    pod("sctp", port("0.0.0.0", Protocol.SCTP, 12001));

    assertThat(host.get(HOST, "127.0.0.1:12001")).isEqualTo("loopback");
    assertThat(host.get("neighbour", "192.0.2.1:12001")).isEqualTo("outside");
    assertThat(host.get(HOST, "10.99.16.1:12001")).isEqualTo("everywhere");
    assertThat(host.get("neighbour", "[2001:db8::1]:12001")).isEqualTo("six");
  }

  @Test
  void portThatAnotherPodHasIsRefusedByName() throws IOException {
    pod("one", port("", Protocol.TCP, 12000));
    assertThatThrownBy(() -> pod("two", port("0.0.0.0", Protocol.TCP, 12000)))
        .isInstanceOf(BerthException.class)
        .hasMessage("port_mappings: host 0.0.0.0 port 12000/TCP is used by sandbox one");
  }

  @Test
  void detachedPodHasNeitherPortNorAddressAndTheAddressComesLastAgain() throws IOException {
    PodAddresses one = serving("one", port("", Protocol.TCP, 12000));
    network.detach("one");
    network.detach("one");

    assertThat(host.get(HOST, "127.0.0.1:12000")).contains("connect");
    assertThat(host.run(HOST, "nft list ruleset")).doesNotContain("12000");
    assertThat(network.choose("two").texts()).isNotEqualTo(one.texts());
    serving("three", port("", Protocol.TCP, 12000));
    assertThat(host.get(HOST, "127.0.0.1:12000")).isEqualTo("three");
  }

  @Test
  void udpThatWasOnItsWayElsewhereIsRedirectedTooAndNotAfterwards() throws IOException {
    pod("first");
    send();
    assertThat(connections()).contains("dport=12000");
    pod("one", port("", Protocol.UDP, 12000));
    assertThat(connections()).doesNotContain("dport=12000");
    send();
    assertThat(connections()).contains("dport=12000").contains("dst=10.99.16.1 sport=8080");
    network.detach("one");
    assertThat(connections()).doesNotContain("dport=12000");
  }

  private void send() throws IOException {
    host.run(HOST, "bash -c 'echo > /dev/udp/127.0.0.1/12000'");
  }

  private String connections() throws IOException {
    return host.run(HOST, "grep udp /proc/net/nf_conntrack");
  }

  @Test
  void trafficToTheOutsideBearsTheHostsAddress() throws IOException {
    addNeighbour();
    Path pages = Files.createDirectory(directory.resolve("cgi"));
    Path bin = Files.createDirectory(pages.resolve("cgi-bin"));
    Files.writeString(bin.resolve("name"), "#!/bin/sh\necho; echo $REMOTE_ADDR\n");
    assertThat(bin.resolve("name").toFile().setExecutable(true)).isTrue();
    host.serve("neighbour", "busybox httpd -f -p [::]:80 -h " + pages);
    pod("one");

    Await.until(
        "the neighbour sees the host",
        Duration.ofSeconds(5),
        () -> host.get("one", "192.0.2.2/cgi-bin").contains("192.0.2.1"));
    assertThat(host.get("one", "[2001:db8::2]/cgi-bin")).contains("2001:db8::1");
  }

  @Test
  void podCannotReachWhatTheHostOffersToItselfAlone() throws IOException {
    Path pages = Files.createDirectory(directory.resolve("private"));
    Files.writeString(pages.resolve("name"), "private");
    host.serve(HOST, "busybox httpd -f -p 127.0.0.1:9000 -h " + pages);
    pod("one");
    Await.until(
        "the host's service answers",
        Duration.ofSeconds(5),
        () -> host.get(HOST, "127.0.0.1:9000").equals("private"));
    // What an attacker inside a privileged pod would do: send it to the bridge all the same.
    host.run("one", "ip link set lo down");
    host.run("one", "ip addr del 127.0.0.1/8 dev lo");
    host.run("one", "ip route add 127.0.0.1 via 10.99.16.1");
    host.run("one", "busybox sh -c 'echo 1 > /proc/sys/net/ipv4/conf/eth0/route_localnet'");

    assertThat(host.get("one", "127.0.0.1:9000")).doesNotContain("private");
  }

  @Test
  void flushedRulesetIsRestored() throws IOException {
    serving("one", port("", Protocol.TCP, 12000));
    String before = host.run(HOST, "nft list ruleset");
    for (String attack :
        List.of(
            "nft flush ruleset", "nft flush table inet netest", "nft delete table inet netest")) {
      host.run(HOST, attack);
      Await.until(
          "restored after " + attack,
          Duration.ofSeconds(5),
          () -> host.run(HOST, "nft list ruleset").equals(before));
    }
    assertThat(host.get(HOST, "127.0.0.1:12000")).isEqualTo("one");
  }

  @Test
  void successorPutsBackWhatThePodsHave() throws IOException {
    PodAddresses one = serving("one", port("", Protocol.TCP, 12000));
    network.close(); // with a pod: everything stays
    assertThat(host.get(HOST, "127.0.0.1:12000")).isEqualTo("one");
    host.run(HOST, "nft flush ruleset"); // while nobody looks

    network = new BridgeNetwork(SETTINGS, host.network());
    network.adopt("one", one, List.of(port("", Protocol.TCP, 12000)));
    network.restore();

    assertThat(host.get(HOST, "127.0.0.1:12000")).isEqualTo("one");
    assertThat(network.choose("two").texts()).containsExactly("10.99.16.3", "fd99:1:0:0:0:0:0:3");
    network.release("two");
    network.detach("one");
    network.close();
    assertThat(host.run(HOST, "nft list ruleset")).isEmpty();
    assertThat(host.run(HOST, "ip link show netest0")).contains("does not exist");
  }

  @Test
  void bridgeOfAKilledProcessWithoutPodsIsRemovedByTheNext() throws IOException {
    host.run(HOST, "ip link add netest0 type bridge");
    network.restore();
    network.close();
    assertThat(host.run(HOST, "ip link show netest0")).contains("does not exist");
  }

  @Test
  void subnetThatTheHostHasAlreadyIsTheReasonWhyNoPodCanBeAttached() throws IOException {
    host.run(HOST, "ip link add other type bridge");
    host.run(HOST, "ip addr add 10.99.17.1/24 dev other");
    assertThatThrownBy(() -> pod("one"))
        .hasMessage(
            "network_subnets: 10.99.16.0/20 overlaps with 10.99.17.1/24, which this host has"
                + " already");
    assertThat(network.problem().orElseThrow()).contains("overlaps");
    host.run(HOST, "ip link del other");
    pod("two");
    assertThat(network.problem()).isEmpty();
  }

  @Test
  void rateOfAPodIsLimitedInBothDirections() throws IOException {
    PodAddresses addresses = network.choose("one");
    network.attach(
        "one", host.add("one"), addresses, List.of(), new RateLimits(8_000_000, 16_000_000));
    assertThat(host.run("one", "tc qdisc show dev eth0")).contains("tbf").contains("rate 16Mbit");
    assertThat(host.run(HOST, "tc qdisc show dev bpone")).contains("tbf").contains("rate 8Mbit");
  }
}
