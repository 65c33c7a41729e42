package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.Digest;
import dev.berth.image.registry.Credentials;
import dev.berth.image.testing.HostileRegistry;
import dev.berth.image.testing.TestImage;
import java.io.IOException;
import java.nio.file.Path;
import java.security.KeyStore;
import java.util.ArrayList;
import java.util.List;
import javax.net.ssl.KeyManagerFactory;
import javax.net.ssl.SSLContext;
import org.junit.jupiter.api.Test;

/**
 * What hosts.toml says of hosts holds: mirrors, headers, certificates; and credentials stay with
 * the host they are for.
 */
class RegistryHostsTest extends HostileRegistryFixture {
  @Test
  void credentialsStayBehindOnARedirectToAnotherHost() throws IOException {
    TestImage image = big();
    Digest redirected = image.layers().getFirst().digest();
    try (var other = HostileRegistry.start()) {
      other.on(
          "/storage",
          exchange -> HostileRegistry.sendRange(exchange, image.layers().getFirst().blob()));
      registry.serve("app", "v1", image);
      demandPassword("/v2/app/manifests/v1", image.manifest());
      registry.on(
          HostileRegistry.blobPath("app", redirected),
          exchange -> {
            exchange
                .getResponseHeaders()
                .set("Location", "http://" + other.host() + "/storage?signature=secret");
            HostileRegistry.send(exchange, 307, new byte[0]);
          });
      hostsToml(
          """
          server = "http://%1$s"
          [host."http://%1$s"]
          header = {X-Secret = "configured"}
          """
              .formatted(registry.host()));
      pull("app:v1", Credentials.basic("berth", "secret"), Operation.internal("PullImage"));
      assertThat(other.requests())
          .containsExactly(new HostileRegistry.Request("/storage?signature=secret", null, null));
      assertThat(registry.requests())
          .anyMatch(r -> r.path().contains("/blobs/") && r.authorization() != null);
    }
  }

  @Test
  void theChallengeOfAHostThatARedirectLeadsToIsNotAnswered() throws IOException {
    TestImage image = big();
    try (var other = HostileRegistry.start()) {
      other.on(
          "/storage",
          exchange -> {
            exchange
                .getResponseHeaders()
                .set("WWW-Authenticate", "Bearer realm=\"http://" + other.host() + "/token\"");
            HostileRegistry.send(exchange, 401, new byte[0]);
          });
      registry.serve("app", "v1", image);
      demandPassword("/v2/app/manifests/v1", image.manifest());
      registry.on(
          HostileRegistry.blobPath("app", image.layers().getFirst().digest()),
          exchange -> {
            exchange.getResponseHeaders().set("Location", "http://" + other.host() + "/storage");
            HostileRegistry.send(exchange, 307, new byte[0]);
          });
      assertThatThrownBy(() ->
              pull("app:v1", Credentials.basic("berth", "secret"), Operation.internal("PullImage")))
          .hasMessageContaining("401");
      assertThat(other.requests())
          .isNotEmpty()
          .allMatch(r -> r.path().equals("/storage") && r.authorization() == null);
    }
  }

  @Test
  void tlsIsVerifiedUnlessTheConfigurationSaysOtherwise() throws Exception {
    Path keys = dir.resolve("keys.p12");
    keytool(
        "-genkeypair",
        "-alias",
        "k",
        "-keyalg",
        "EC",
        "-dname",
        "CN=127.0.0.1",
        "-ext",
        "SAN=IP:127.0.0.1",
        "-keystore",
        keys.toString(),
        "-storepass",
        "changeit");
    keytool(
        "-exportcert",
        "-rfc",
        "-alias",
        "k",
        "-keystore",
        keys.toString(),
        "-storepass",
        "changeit",
        "-file",
        dir.resolve("ca.pem").toString());
    TestImage image = big();
    try (var secure = HostileRegistry.startWithTls(tls(keys))) {
      secure.serve("app", "v1", image);
      hostsToml("server = \"https://" + secure.host() + "\"");
      assertFails("app:v1", BerthException.Kind.KUBELET_REASON).hasMessageContaining("PKIX");
      hostsToml(
          "server = \"https://%s\"\nca = \"%s\"".formatted(secure.host(), dir.resolve("ca.pem")));
      pull("app:v1");
      hostsToml("server = \"https://%s\"\nskip_verify = true".formatted(secure.host()));
      pull("app:v1");
      secure.on(
          "/v2/app/manifests/v1",
          exchange -> {
            exchange
                .getResponseHeaders()
                .set(
                    "WWW-Authenticate",
                    "Bearer realm=\"http://%s/token\"".formatted(registry.host()));
            HostileRegistry.send(exchange, 401, "no");
          });
      assertThatThrownBy(() ->
              pull("app:v1", Credentials.basic("berth", "secret"), Operation.internal("PullImage")))
          .hasMessageContaining("must be https, because credentials are sent there");
      assertThat(registry.requests()).isEmpty();
      secure.on(
          "/v2/app/manifests/v1",
          exchange -> {
            exchange.getResponseHeaders().set("Location", "http://" + registry.host() + "/x");
            HostileRegistry.send(exchange, 302, new byte[0]);
          });
      assertFails("app:v1", BerthException.Kind.FAILED_PRECONDITION)
          .hasMessageContaining("redirects to a place that is not https");
    }
  }

  private static void keytool(String... arguments) throws Exception {
    var command =
        new ArrayList<>(
            List.of(Path.of(System.getProperty("java.home"), "bin", "keytool").toString()));
    command.addAll(List.of(arguments));
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    process.getInputStream().readAllBytes();
    assertThat(process.waitFor()).isZero();
  }

  private static SSLContext tls(Path keys) throws Exception {
    KeyStore store = KeyStore.getInstance(keys.toFile(), "changeit".toCharArray());
    var managers = KeyManagerFactory.getInstance(KeyManagerFactory.getDefaultAlgorithm());
    managers.init(store, "changeit".toCharArray());
    SSLContext context = SSLContext.getInstance("TLS");
    context.init(managers.getKeyManagers(), null, null);
    return context;
  }

  @Test
  void mirrorsAreAskedFirstAndTheServerLast() throws IOException {
    TestImage image = big();
    try (var mirror = HostileRegistry.start();
        var broken = HostileRegistry.start()) {
      broken.close();
      mirror.serve("prefix/app", "v1", image);
      hostsToml(
          """
          server = "http://%s"
          [host."http://%s"]
          capabilities = ["pull", "resolve"]
          [host."http://%s/v2/prefix"]
          capabilities = ["pull", "resolve"]
          override_path = true
          """
              .formatted(registry.host(), broken.host(), mirror.host()));
      ImageRecord record = pull("app:v1");
      assertThat(record.repoTags()).containsExactly(registry.host() + "/app:v1");
      assertThat(registry.requests()).isEmpty();
      assertThat(mirror.requests().getFirst().path())
          .isEqualTo("/v2/prefix/app/manifests/v1?ns=" + registry.host());
      registry.serve("app", "v2", image);
      pull("app:v2");
      assertThat(registry.requests()).hasSize(1);
      assertThatThrownBy(() -> pull("app:v3"))
          .hasMessageContaining("fetch manifest v3 of app: status 404")
          .hasMessageContaining("; before that ");
    }
  }

  @Test
  void unknownKeysOfTheHostsFileAreNamedWithTheirLine() throws IOException {
    hostsToml("server = \"http://x\"\n\n[host.\"http://y\"]\nskip_verfy = true\n");
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining(
            "hosts.toml line 4: unknown key \"host.\"http://y\".skip_verfy\", the nearest known one"
                + " is \"host.\"http://y\".skip_verify\"");
  }
}
