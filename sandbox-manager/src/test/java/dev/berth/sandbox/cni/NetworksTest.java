package dev.berth.sandbox.cni;

import static dev.berth.sandbox.cni.TestNetwork.run;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
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

@RequiresRoot
final class NetworksTest {
  private static final JsonObject PORT_MAPPINGS =
      JsonParser.parseString(
              """
              {"portMappings": [{"hostPort": 18080, "containerPort": 80, "protocol": "tcp"}],
               "nobodyDeclaresThis": 1}
              """)
          .getAsJsonObject();

  @TempDir Path directory;
  private TestNetwork network;
  private Networks networks;
  private final Operation operation = Operation.internal("test");
  private final String pod = "berth-test-pod-" + ProcessHandle.current().pid();

  @BeforeEach
  void makeHostAndPod() throws IOException {
    network = new TestNetwork(directory);
    networks = networks(Duration.ofSeconds(20));
    run("ip", "netns", "add", pod);
  }

  @AfterEach
  void remove() throws IOException {
    network.close();
    if (Files.exists(Path.of("/run/netns", pod))) {
      run("ip", "netns", "delete", pod);
    }
  }

  @Test
  void aPodGetsAnAddressAndAHostPortAndLosesBoth() throws IOException {
    NetworkConfig config = networks.current().getFirst();
    CniResult result = networks.attach(config, attachment(), operation);

    String address = result.addresses("eth0").getFirst();
    assertThat(run("ip", "-n", pod, "-4", "addr", "show", "eth0")).contains(address + "/24");
    assertThat(network.leases()).containsExactly(address);
    assertThat(network.onHost("iptables-save", "-t", "nat")).contains("18080", address + ":80");

    networks.detach(config, attachment(), result, operation);
    networks.detach(config, attachment(), result, operation);
    assertThat(network.leases()).isEmpty();
    assertThat(run("ip", "-n", pod, "link")).doesNotContain("eth0");
    assertThat(network.onHost("iptables-save", "-t", "nat")).doesNotContain("18080");
  }

  @Test
  void aPodWhoseNamespaceIsGoneIsDetached() throws IOException {
    NetworkConfig config = networks.current().getFirst();
    CniResult result = networks.attach(config, attachment(), operation);
    run("ip", "netns", "delete", pod);
    networks.detach(config, attachment().withoutNetns(), result, operation);
    assertThat(network.leases()).isEmpty();
  }

  @Test
  void aPodIsDetachedWithoutTheResult() throws IOException {
    NetworkConfig config = networks.current().getFirst();
    networks.attach(config, attachment(), operation);
    networks.detach(config, attachment(), CniResult.NONE, operation);
    assertThat(network.leases()).isEmpty();
  }

  @Test
  void eachPluginSeesItsCapabilitiesAndTheResultBefore() throws IOException {
    network.conf(
        "00-spy.conflist",
        """
        {"cniVersion": "1.0.0", "name": "spies", "plugins": [
          {"type": "spy", "number": 1},
          {"type": "spy", "number": 2, "capabilities": {"portMappings": true, "dns": false}}]}
        """);
    network.plugin(
        "spy",
        """
        input=$(cat)
        echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_ARGS $input" >> %s
        [ $CNI_COMMAND = DEL ] || echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.9.9.9/8"}]}'
        """
            .formatted(directory.resolve("seen")));
    NetworkConfig config = networks.current().getFirst();
    CniResult result = networks.attach(config, attachment(), operation);
    networks.detach(config, attachment(), result, operation);

    List<String> seen = Files.readAllLines(directory.resolve("seen"));
    assertThat(seen).hasSize(4);
    assertThat(seen.get(0))
        .startsWith("ADD sandbox-1 eth0 IgnoreUnknown=1;K8S_POD_NAME=web {")
        .contains("\"number\":1", "\"name\":\"spies\"", "\"cniVersion\":\"1.0.0\"")
        .doesNotContain("prevResult", "runtimeConfig");
    assertThat(seen.get(1))
        .contains("\"number\":2", "\"prevResult\":{", "\"runtimeConfig\":{\"portMappings\":[{")
        .doesNotContain("nobodyDeclaresThis", "\"capabilities\"");
    assertThat(seen.get(2)).startsWith("DEL").contains("\"number\":2", "\"prevResult\":{");
    assertThat(seen.get(3)).startsWith("DEL").contains("\"number\":1", "\"prevResult\":{");
  }

  @Test
  void theErrorOfAPluginNamesPluginAndFile() throws IOException {
    network.conf(
        "00-bad.conf", "{\"cniVersion\": \"1.0.0\", \"name\": \"bad\", \"type\": \"bad\"}");
    network.plugin(
        "bad",
        "echo '{\"code\": 104, \"msg\": \"no cable\", \"details\": \"look behind\"}'; exit 1");
    assertThatThrownBy(
            () -> networks.attach(networks.current().getFirst(), attachment(), operation))
        .hasMessageContaining("CNI ADD of plugin bad")
        .hasMessageContaining("00-bad.conf")
        .hasMessageContaining("code 104: no cable: look behind");

    network.plugin("bad", "echo 'panic: oh dear' >&2; exit 2");
    assertThatThrownBy(
            () -> networks.attach(networks.current().getFirst(), attachment(), operation))
        .hasMessageContaining("plugin bad")
        .hasMessageContaining("panic: oh dear");
  }

  @Test
  void aPluginThatHangsIsKilledWithItsChildrenAndNamed() throws IOException {
    Path children = directory.resolve("children");
    network.conf(
        "00-slow.conf", "{\"cniVersion\": \"1.0.0\", \"name\": \"slow\", \"type\": \"slow\"}");
    network.plugin("slow", "sleep 1000 & (echo $!; echo $$) > " + children + "; wait");
    Networks impatient = networks(Duration.ofMillis(300));

    assertThatThrownBy(
            () -> impatient.attach(impatient.current().getFirst(), attachment(), operation))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.DEADLINE_EXCEEDED))
        .hasMessageContaining("plugin slow")
        .hasMessageContaining("300 ms");
    for (String pid : Files.readAllLines(children)) {
      Await.until(
          "process " + pid + " is gone",
          Duration.ofSeconds(5),
          () -> !ProcessHandle.of(Long.parseLong(pid)).map(ProcessHandle::isAlive).orElse(false));
    }
  }

  @Test
  void aMissingPluginIsNamedBeforeAnythingIsCalled() throws IOException {
    network.conf(
        "00-missing.conflist",
        "{\"name\": \"m\", \"plugins\": [{\"type\": \"bridge\"}, {\"type\": \"absent\"}]}");
    assertThatThrownBy(networks::current)
        .hasMessageContaining("00-missing.conflist")
        .hasMessageContaining("CNI plugin absent is in none of");
  }

  @Test
  void withoutAConfigurationThereIsNoNetwork() throws IOException {
    Files.delete(network.confDir().resolve("10-test.conflist"));
    assertThat(networks.find()).isEmpty();
    assertThatThrownBy(networks::current)
        .hasMessageContaining("no CNI network configuration in " + network.confDir());
  }

  private Networks networks(Duration pluginTimeout) {
    return new Networks(network.confDir(), network.settings(pluginTimeout));
  }

  private Attachment attachment() {
    return new Attachment(
        "sandbox-1",
        "/run/netns/" + pod,
        "eth0",
        CniArgs.NONE.with("IgnoreUnknown", "1").with("K8S_POD_NAME", "web"),
        PORT_MAPPINGS);
  }
}
