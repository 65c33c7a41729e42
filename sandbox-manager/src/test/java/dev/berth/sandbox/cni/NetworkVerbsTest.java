package dev.berth.sandbox.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import com.google.gson.JsonParser;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.Base64;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** STATUS, CHECK, GC, cached results and several networks, with plugins that say what they saw. */
@RequiresRoot
final class NetworkVerbsTest {
  @TempDir Path directory;
  private TestNetwork host;
  private Networks networks;
  private final Operation operation = Operation.internal("test");

  @BeforeEach
  void makeHost() throws IOException {
    host = new TestNetwork(directory);
    Files.delete(host.confDir().resolve("10-test.conflist"));
    networks = new Networks(host.confDir(), host.settings(Duration.ofSeconds(10)));
    spy("true");
  }

  @AfterEach
  void remove() throws IOException {
    host.close();
  }

  /** A plugin that writes down what it was asked, and then does what {@code action} says. */
  private void spy(String action) throws IOException {
    host.plugin(
        "spy",
        """
        echo "$CNI_COMMAND $CNI_CONTAINERID $CNI_IFNAME $CNI_NETNS $(cat)" >> %s
        [ $CNI_COMMAND != ADD ] || echo '{"cniVersion": "1.1.0", "ips": [{"address": "10.9.9.9/8"}]}'
        %s
        """
            .formatted(directory.resolve("seen"), action));
  }

  private List<String> seen() throws IOException {
    Path file = directory.resolve("seen");
    List<String> lines = Files.exists(file) ? Files.readAllLines(file) : List.of();
    Files.deleteIfExists(file);
    return lines;
  }

  private NetworkConfig network(String version, String more) throws IOException {
    host.conf(
        "10-spy.conflist",
        """
        {"cniVersion": "%s", "name": "spies", %s "plugins": [{"type": "spy", "here": true}]}
        """
            .formatted(version, more));
    return networks.current().getFirst();
  }

  private static Attachment attachment(String containerId, String netns) {
    return new Attachment(
        containerId, netns, "eth0", CniArgs.NONE.with("K8S_POD_NAME", "web"), new JsonObject());
  }

  @Test
  void networkThatSaysItIsNotAvailableIsNot() throws IOException {
    NetworkConfig network = network("1.1.0", "");
    networks.requireAvailable(network, operation);
    assertThat(seen()).singleElement().asString().startsWith("STATUS").contains("\"here\":true");

    spy("echo '{\"code\": 50, \"msg\": \"no uplink\"}'; exit 1");
    assertThatThrownBy(() -> networks.requireAvailable(network, operation))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith("CNI STATUS of plugin spy (" + host.confDir())
        .hasMessageEndingWith("failed with code 50: no uplink");
    networks.requireAvailable(network("1.0.0", ""), operation); // cannot be asked
  }

  @Test
  void attachmentIsCheckedWithItsResultUnlessTheNetworkForbidsIt() throws IOException {
    CniResult result = new CniResult(JsonParser.parseString("{\"ips\": []}").getAsJsonObject());
    networks.check(network("1.0.0", ""), attachment("a", "/run/netns/a"), result, operation);
    assertThat(seen())
        .singleElement()
        .asString()
        .startsWith("CHECK a eth0 /run/netns/a")
        .contains("\"prevResult\":{\"ips\":[]");

    Attachment attachment = attachment("a", "/run/netns/a");
    networks.check(network("0.3.1", ""), attachment, result, operation);
    networks.check(network("1.0.0", "\"disableCheck\": true,"), attachment, result, operation);
    assertThat(seen()).isEmpty();
  }

  @Test
  void resultIsLeftWhereLibcniWouldLeaveIt() throws IOException {
    NetworkConfig network = network("1.1.0", "");
    Attachment attachment = attachment("a", "/run/netns/a");
    CniResult result = networks.attach(network, attachment, operation);

    Path file = host.cacheDir().resolve("results/spies-a-eth0");
    JsonObject entry = JsonParser.parseString(Files.readString(file)).getAsJsonObject();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
        .isEqualTo("rw-------");
    assertThat(entry.get("kind").getAsString()).isEqualTo("cniCacheV1");
    assertThat(entry.get("cniArgs")).hasToString("[[\"K8S_POD_NAME\",\"web\"]]");
    assertThat(entry.get("netns").getAsString()).isEqualTo("/run/netns/a");
    assertThat(entry.getAsJsonObject("result").get("ips")).isEqualTo(result.json().get("ips"));
    byte[] config = Base64.getDecoder().decode(entry.get("config").getAsString());
    assertThat(new String(config, StandardCharsets.UTF_8)).contains("\"here\":true");

    networks.detach(network, attachment, result, operation);
    assertThat(file).doesNotExist();
  }

  @Test
  void garbageIsWhatNobodyKnows() throws IOException {
    NetworkConfig network = network("1.1.0", "");
    for (String id : List.of("known", "forgotten")) {
      networks.attach(network, attachment(id, "/run/berth/" + id), operation);
    }
    networks.attach(network, attachment("foreign", "/run/netns/foreign"), operation);
    assertThat(seen()).hasSize(3);

    networks.collectGarbage(
        network,
        List.of(new AttachmentId("known", "eth0")),
        netns -> netns.startsWith("/run/berth/"),
        operation);

    List<String> calls = seen();
    assertThat(calls).hasSize(2);
    assertThat(calls.getFirst()).startsWith("DEL forgotten eth0  {").contains("prevResult");
    assertThat(calls.getLast()).startsWith("GC");
    JsonObject request =
        JsonParser.parseString(calls.getLast().substring(calls.getLast().indexOf('{')))
            .getAsJsonObject();
    JsonArray valid = request.getAsJsonArray("cni.dev/valid-attachments");
    assertThat(valid)
        .extracting(one -> one.getAsJsonObject().get("containerID").getAsString())
        .containsExactlyInAnyOrder("known", "foreign");
    assertThat(host.cacheDir().resolve("results/spies-forgotten-eth0")).doesNotExist();

    networks.collectGarbage(
        network("1.1.0", "\"disableGC\": true,"), List.of(), _ -> false, operation);
    networks.collectGarbage(network("1.0.0", ""), List.of(), _ -> false, operation);
    assertThat(seen()).isEmpty();
  }

  @Test
  void podGetsAsManyNetworksAsAreAllowed() throws IOException {
    network("1.0.0", "");
    host.conf(
        "20-second.conf", "{\"cniVersion\": \"1.0.0\", \"name\": \"two\", \"type\": \"spy\"}");
    assertThat(networks.current()).extracting(NetworkConfig::name).containsExactly("spies");
    var several =
        new Networks(
            host.confDir(),
            new CniSettings(List.of(host.binDir()), host.cacheDir(), 2, Duration.ofSeconds(10)));
    assertThat(several.current()).extracting(NetworkConfig::name).containsExactly("spies", "two");
    assertThat(Recorded.networks(Recorded.networks(several.current())))
        .isEqualTo(several.current());
    assertThat(Recorded.networks(Recorded.networks(networks.current())))
        .isEqualTo(networks.current());
  }
}
