package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import dev.berth.proto.berth.v1.Finding;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.PodSandboxNetworkStatus;
import dev.berth.proto.cri.v1.PodSandboxStatusRequest;
import dev.berth.proto.cri.v1.PortMapping;
import dev.berth.proto.cri.v1.StatusRequest;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Pods on Berth's own network; berthd runs in a network namespace that plays its host. */
@RequiresRoot
class OwnNetworkTest {
  private static final int PORT = 12080;
  private static final String SERVER = "hostname > /www/name; exec httpd -f -p [::]:8080 -h /www";

  @TempDir private Path directory;
  private PrivateHost host;
  private BerthNode node;
  private Pods pods;
  private String image;
  private String emptyHost;

  @BeforeEach
  void startWithoutAnyConfiguration() throws Exception {
    host = new PrivateHost(directory.resolve("host"));
    Files.delete(host.confDir().resolve("10-e2e.conflist"));
    node = BerthNode.start(directory, host);
    pods = new Pods(node);
    try (var registry = new TestRegistry(directory.resolve("registry"))) {
      image = pods.pull(registry.busybox());
    }
    node.moveToHost();
    emptyHost = look();
  }

  @AfterEach
  void stop() throws IOException {
    node.close();
    host.close();
  }

  /** Returns what of the host's network is Berth's. */
  private String look() {
    return host.run("ip", "-brief", "link") + host.run("nft", "list", "ruleset");
  }

  private String serve(String name, int port) throws IOException {
    PodSandboxConfig.Builder config = pods.config(name).toBuilder();
    if (port != 0) {
      config.addPortMappings(PortMapping.newBuilder().setContainerPort(8080).setHostPort(port));
    }
    String pod = pods.run(config.build());
    String _ = pods.launch(pod, config.build(), Pods.shell("web", image, SERVER));
    Await.until(
        name + " serves", Duration.ofSeconds(10), () -> ask(pod, "127.0.0.1:8080").equals(name));
    return pod;
  }

  /** Asks from inside a pod, with the host's program: where a connection begins is what counts. */
  private String ask(String pod, String address) {
    Path network = node.state().resolve("sandboxes").resolve(pod).resolve("ns/net");
    return get(List.of("nsenter", "--net=" + network), address);
  }

  private String askFromHost(String address) {
    return get(host.enter(), address);
  }

  /** Returns what the web server at an address says; nothing if there is none. */
  private static String get(List<String> enter, String address) {
    List<String> words = new ArrayList<>(enter);
    words.addAll(List.of("curl", "-sg", "--max-time", "2", "http://" + address + "/name"));
    return Command.run(Map.of("no_proxy", "*"), words).stdout().strip();
  }

  private PodSandboxNetworkStatus network(String pod) {
    return node.runtime()
        .podSandboxStatus(PodSandboxStatusRequest.newBuilder().setPodSandboxId(pod).build())
        .getStatus()
        .getNetwork();
  }

  @Test
  void podsReachEachOtherAndTheirHostPortsLeadToThem() throws IOException {
    assertThat(
            node.runtime()
                .status(StatusRequest.getDefaultInstance())
                .getStatus()
                .getConditionsList())
        .allMatch(condition -> condition.getStatus());
    String one = serve("one", PORT);
    String two = serve("two", 0);
    String ipv4 = network(one).getIp();
    String ipv6 = network(one).getAdditionalIps(0).getIp();

    assertThat(ask(two, ipv4 + ":8080")).isEqualTo("one");
    assertThat(ask(two, "[" + ipv6 + "]:8080")).isEqualTo("one");
    assertThat(askFromHost("127.0.0.1:" + PORT)).isEqualTo("one");
    assertThat(askFromHost(gateway() + ":" + PORT)).isEqualTo("one");
    assertThat(ask(two, gateway() + ":" + PORT)).isEqualTo("one");

    pods.stop(one);
    assertThat(askFromHost("127.0.0.1:" + PORT)).isEmpty();
    pods.remove(one);
    String three = serve("three", PORT);
    assertThat(askFromHost("127.0.0.1:" + PORT)).isEqualTo("three");
    assertThat(network(three).getIp()).isNotEqualTo(ipv4);
  }

  /** Returns an address of the host itself: the bridge's. */
  private String gateway() {
    String line = host.run("ip", "-brief", "-4", "addr", "show", node.instance() + "0");
    return line.split(" +")[2].replaceAll("/.*", "");
  }

  @Test
  void flushedRulesComeBackAndSoDoThoseFlushedWhileBerthdWasDead() throws IOException {
    String one = serve("one", PORT);
    host.run("nft", "flush", "ruleset");
    Await.until(
        "the port leads to the pod again",
        Duration.ofSeconds(5),
        () -> askFromHost("127.0.0.1:" + PORT).equals("one"));

    node.kill();
    assertThat(askFromHost("127.0.0.1:" + PORT)).isEqualTo("one");
    host.run("nft", "flush", "ruleset");
    node.start();

    assertThat(askFromHost("127.0.0.1:" + PORT)).isEqualTo("one");
    String two = serve("two", 0);
    assertThat(network(two).getIp()).isNotEqualTo(network(one).getIp());
  }

  @Test
  void whatBelongsToNoPodIsFound() throws IOException {
    String one = serve("one", PORT);
    assertThat(node.audit()).isEmpty();
    host.run("ip", "link", "add", "bp0123456789ab", "type", "veth");
    host.run("ip", "link", "set", "bp0123456789ab", "master", node.instance() + "0");
    assertThat(node.audit())
        .extracting(Finding::getProblem, Finding::getKind, Finding::getName)
        .containsExactly(tuple("leaked", "link", "bp0123456789ab"));
    host.run("ip", "link", "del", "bp0123456789ab");
    host.run("ip", "link", "del", "bp" + one.substring(0, 12));
    assertThat(node.audit())
        .extracting(Finding::getProblem, Finding::getKind, Finding::getName)
        .containsExactly(tuple("missing", "link", "bp" + one.substring(0, 12)));
    pods.remove(one);
    assertThat(node.audit()).isEmpty();
  }

  @Test
  void nothingIsLeftOnTheHostWhenBerthdEndsWithoutPods() throws IOException {
    pods.warmUp(image);
    HostSnapshot before = HostSnapshot.takeOfHost(node);
    String one = serve("one", PORT);
    node.kill();
    node.start();
    pods.remove(one);
    node.terminate();
    assertThat(look()).isEqualTo(emptyHost);
    node.start();
    before.assertRestoredBut("logs-");
  }
}
