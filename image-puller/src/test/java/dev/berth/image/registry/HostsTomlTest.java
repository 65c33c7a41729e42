package dev.berth.image.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.image.registry.Endpoint.Capability;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class HostsTomlTest {
  @TempDir Path dir;

  private List<Endpoint> endpoints(String folder, String registry, String toml) throws IOException {
    Files.writeString(Files.createDirectories(dir.resolve(folder)).resolve("hosts.toml"), toml);
    return new RegistryHosts(dir).endpoints(registry);
  }

  @ParameterizedTest
  @CsvSource({
    "docker.io, https://registry-1.docker.io/v2",
    "quay.io, https://quay.io/v2",
    "10.0.0.1:5000, https://10.0.0.1:5000/v2",
    "127.0.0.1:5000, http://127.0.0.1:5000/v2",
    "127.1.2.3, http://127.1.2.3/v2",
    "localhost, http://localhost/v2",
    "localhost:5000, http://localhost:5000/v2",
    "[::1]:5000, http://[::1]:5000/v2",
    "127.evil.example, https://127.evil.example/v2",
    "localhost.evil.example, https://localhost.evil.example/v2",
  })
  void withoutConfigurationOnlyThisMachineIsAskedInTheClear(String registry, String url) {
    assertThat(new RegistryHosts(dir.resolve("none")).endpoints(registry))
        .singleElement()
        .satisfies(endpoint -> assertThat(endpoint.base()).hasToString(url));
  }

  @Test
  void hostsComeInTheOrderOfTheFileAndTheServerLast() throws IOException {
    List<Endpoint> endpoints =
        endpoints(
            "docker.io",
            "docker.io",
            """
            server = "https://registry-1.docker.io"

            [host."https://z.example"]
            capabilities = ["pull"]
            dial_timeout = "500ms"
            [host."http://a.example:5000/mirror"]
            skip_verify = true
            ca = ["one.pem", "/abs/two.pem"]
            [host."http://a.example:5000/mirror".header]
            X-Team = ["a", "b"]
            X-One = "c"
            [host."m.example/x/v2"]
            override_path = true
            """);
    assertThat(endpoints.stream().map(e -> e.base().toString()))
        .containsExactly(
            "https://z.example/v2",
            "http://a.example:5000/mirror/v2",
            "https://m.example/x/v2",
            "https://registry-1.docker.io/v2");
    assertThat(endpoints.get(0).capabilities()).isEqualTo(Set.of(Capability.PULL));
    assertThat(endpoints.get(0).connectTimeout()).isEqualTo(Duration.ofMillis(500));
    assertThat(endpoints.get(0).mirrorOf()).isEqualTo("docker.io");
    assertThat(endpoints.get(1).tls().skipVerify()).isTrue();
    assertThat(endpoints.get(1).tls().authorities())
        .containsExactly(dir.resolve("docker.io/one.pem"), Path.of("/abs/two.pem"));
    assertThat(endpoints.get(1).headers().get("X-Team")).containsExactly("a", "b");
    assertThat(endpoints.get(3).mirrorOf()).isEmpty();
    assertThat(endpoints.get(3).can(Capability.RESOLVE)).isTrue();
  }

  @Test
  void foldersAreLookedUpAsContainerdDoes() throws IOException {
    String toml = "server = \"http://%s\"";
    endpoints("_default", "x", toml.formatted("default"));
    assertThat(new RegistryHosts(dir).endpoints("r.example:5000").getFirst().base())
        .hasToString("http://default/v2");
    endpoints("r.example:5000", "x", toml.formatted("colon"));
    assertThat(new RegistryHosts(dir).endpoints("r.example:5000").getFirst().base())
        .hasToString("http://colon/v2");
    endpoints("r.example_5000_", "x", toml.formatted("underscore"));
    assertThat(new RegistryHosts(dir).endpoints("r.example:5000").getFirst().base())
        .hasToString("http://underscore/v2");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "servr = 'x' | line 1: unknown key \"servr\", the nearest known one is \"server\"",
        "server = 3 | line 1: \"server\" must be a text",
        "server = 'ftp://x' | line 1: \"server\" \"ftp://x\" is not the URL of a host",
        "server = 'https://user:pw@x' | is not the URL of a host",
        "skip_verify = 'yes' | \"skip_verify\" must be true or false",
        "capabilities = ['pul'] | \"pul\" is none of pull, resolve, push, referrers",
        "dial_timeout = 'soon' | must be like",
        "client = [['x']] | \"client\" must be a file, a list of files, or of [certificate, key]",
        "client = 3 | \"client\" must be a file, a list of files, or of [certificate, key]",
        "server = | line 1",
        "host = 3 | \"host\" must be a table",
      })
  void whatIsWrongIsNamedWithFileLineAndKey(String toml, String message) {
    assertThatThrownBy(() -> endpoints("r", "r", toml))
        .isInstanceOf(BerthException.class)
        .hasMessageStartingWith(dir.resolve("r/hosts.toml").toString())
        .hasMessageContaining(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "Bearer realm=\"https://a/t\",service=\"s\",scope=\"x:y:pull,push\" | bearer | https://a/t | x:y:pull,push",
        "bearer   realm = https://a/t , scope=one | bearer | https://a/t | one",
        "Basic realm=\"a \\\"quoted\\\" one\" | basic | a \"quoted\" one | ''",
      })
  void challengesAreParsed(String header, String scheme, String realm, String scope) {
    Challenge challenge = Challenge.parse(header).orElseThrow();
    assertThat(challenge.scheme()).isEqualTo(scheme);
    assertThat(challenge.parameter("realm")).isEqualTo(realm);
    assertThat(challenge.parameter("scope")).isEqualTo(scope);
  }

  @Test
  void credentialsAreReadAsTheKubeletSendsThem() {
    assertThat(Credentials.of("", "", "YTpiOmM=", "", "", ""))
        .isEqualTo(Credentials.basic("a", "b:c"));
    assertThat(Credentials.of("u", "p", "YTpi", "", "token", "")).hasToString("Basic[u]");
    assertThat(Credentials.of("", "", "", "", "", "")).isEqualTo(Credentials.none());
    assertThatThrownBy(() -> Credentials.of("", "", "%%%", "", "", ""))
        .hasMessage("auth.auth is not base64");
    var bound = Credentials.of("u", "p", "", "https://index.docker.io/v1/", "", "");
    assertThat(bound.forHost("registry-1.docker.io")).isEqualTo(Credentials.basic("u", "p"));
    assertThat(bound.forHost("evil.example")).isEqualTo(Credentials.none());
    assertThat(bound.toString()).doesNotContain("p]]");
  }
}
