package dev.berth.sandbox.cni;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

final class NetworkConfigLoaderTest {
  @TempDir Path directory;

  @Test
  void aMissingOrEmptyDirectoryHasNoNetwork() {
    assertThat(new NetworkConfigLoader(directory.resolve("nowhere"), 1).load()).isEmpty();
    assertThat(new NetworkConfigLoader(directory, 1).load()).isEmpty();
  }

  @Test
  void theFirstFileByNameWinsAndOtherFilesAreNotLookedAt() throws IOException {
    write("20-b.conf", "{\"name\": \"b\", \"type\": \"bridge\"}");
    write("10-a.conflist", "{\"name\": \"a\", \"plugins\": [{\"type\": \"ptp\"}]}");
    write("00-readme.txt", "not a configuration");
    NetworkConfig network = load();
    assertThat(network.name()).isEqualTo("a");
    assertThat(network.plugins()).extracting(PluginConfig::type).containsExactly("ptp");
  }

  @Test
  void aBadFileThatComesFirstIsAnErrorWhichNamesIt() throws IOException {
    write("10-a.conf", "{ name: unquoted }");
    write("20-b.conf", "{\"name\": \"b\", \"type\": \"bridge\"}");
    assertThatThrownBy(this::load)
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("10-a.conf");
  }

  @Test
  void aSinglePluginIsWrappedIntoAList() throws IOException {
    write(
        "10-a.json",
        "{\"cniVersion\": \"1.0.0\", \"name\": \"b\", \"type\": \"bridge\", \"mtu\": 9000}");
    NetworkConfig network = load();
    assertThat(network.cniVersion()).isEqualTo("1.0.0");
    assertThat(network.plugins().getFirst().conf().get("mtu").getAsInt()).isEqualTo(9000);
  }

  @Test
  void pluginsOfTheSiblingDirectoryFollowWhereTheListSaysSo() throws IOException {
    write(
        "10-a.conflist",
        "{\"name\": \"a\", \"loadOnlyInlinedPlugins\": false, \"plugins\": [{\"type\": \"ptp\"}]}");
    Files.createDirectory(directory.resolve("a"));
    write("a/20-second.conf", "{\"type\": \"tuning\"}");
    write("a/10-first.conf", "{\"type\": \"portmap\"}");
    assertThat(load().plugins())
        .extracting(PluginConfig::type)
        .containsExactly("ptp", "portmap", "tuning");
  }

  @Test
  void theHighestVersionThatBothKnowIsChosen() throws IOException {
    write(
        "10-a.conflist",
        "{\"name\": \"a\", \"cniVersion\": \"0.4.0\", \"cniVersions\": [\"0.3.1\", \"1.1.0\", \"9.0.0\"],"
            + " \"plugins\": [{\"type\": \"ptp\"}]}");
    assertThat(load().cniVersion()).isEqualTo("1.1.0");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "{\"name\": \"a\", \"plugins\": []}|\"plugins\" is empty",
        "{\"name\": \"a\", \"plugins\": 7}|\"plugins\" is not a list",
        "{\"plugins\": [{\"type\": \"ptp\"}]}|\"name\" must be a string",
        "{\"name\": \"../a\", \"plugins\": [{\"type\": \"ptp\"}]}|\"name\"",
        "{\"name\": \"a\", \"plugins\": [{\"type\": \"../../bin/sh\"}]}|plugins[0]: plugin \"type\"",
        "{\"name\": \"a\", \"plugins\": [{\"type\": \"\"}]}|plugins[0]: plugin \"type\"",
        "{\"name\": \"a\", \"plugins\": [{}]}|plugins[0]: \"type\" must be a string",
        "{\"name\": \"a\", \"cniVersion\": \"7.7\", \"plugins\": [{\"type\": \"ptp\"}]}|cniVersion \"7.7\"",
        "[]|not a JSON object",
        "{} trailing|not JSON",
      })
  void whatIsWrongIsNamed(String json, String message) throws IOException {
    write("10-a.conflist", json);
    assertThatThrownBy(this::load)
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("10-a.conflist")
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "../sh",
        "../../bin/sh",
        "/bin/sh",
        "a/b",
        ".",
        "..",
        ".hidden",
        "a b",
        "a\\nb",
        "a\\u0000b"
      })
  void aPluginTypeCannotLeaveTheDirectories(String type) throws IOException {
    String plugin = "{\"type\": \"" + type + "\"}";
    String message = ": plugin \"type\" \"";
    write("10-a.conflist", "{\"name\": \"a\", \"plugins\": [{\"type\": \"ptp\"}, " + plugin + "]}");
    assertRefused("10-a.conflist: plugins[1]" + message);

    write("05-b.conf", "{\"name\": \"b\", \"type\": \"" + type + "\"}");
    assertRefused("05-b.conf" + message);

    write(
        "01-c.conflist",
        "{\"name\": \"c\", \"loadOnlyInlinedPlugins\": false, \"plugins\": [{\"type\": \"ptp\"}]}");
    Files.createDirectory(directory.resolve("c"));
    write("c/10-evil.conf", plugin);
    assertRefused("c/10-evil.conf" + message);
  }

  /** A record on disk may have been written by anyone who could write there. */
  @Test
  void aRecordedPluginTypeCannotLeaveTheDirectoriesEither() {
    assertThatThrownBy(() ->
            NetworkConfig.fromJson(
                "{\"source\": \"f\", \"name\": \"a\", \"plugins\": [{\"type\": \"../sh\"}]}"))
        .hasMessageContaining("f: plugins[0]: plugin \"type\" \"../sh\"");
  }

  private void assertRefused(String message) {
    assertThatThrownBy(this::load)
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.FAILED_PRECONDITION))
        .hasMessageContaining(directory + "/" + message)
        .hasMessageNotContaining("\n");
  }

  @Test
  void aRecordedConfigurationReadsBackEqual() throws IOException {
    write(
        "10-a.conflist",
        "{\"name\": \"a\", \"cniVersion\": \"1.0.0\", \"plugins\": [{\"type\": \"ptp\", \"x\": [1.5]}]}");
    NetworkConfig network = load();
    assertThat(NetworkConfig.fromJson(network.toJson())).isEqualTo(network);
  }

  private NetworkConfig load() {
    return new NetworkConfigLoader(directory, 1).load().getFirst();
  }

  private void write(String name, String text) throws IOException {
    Files.writeString(directory.resolve(name), text);
  }
}
