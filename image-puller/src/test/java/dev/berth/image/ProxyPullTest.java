package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.Patience;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.Certificates;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.ForwardProxy;
import dev.berth.image.testing.Pusher;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Real registries that only a proxy knows the way to: their names mean nothing here. */
@RequiresRoot
class ProxyPullTest {
  private static final String BASIC = "Basic cHJveHk6c2VjcmV0"; // proxy:secret

  @TempDir Path dir;
  private Path storage;
  private DockerRegistry registry;
  private MetadataStore records;

  @BeforeEach
  void start() throws IOException {
    storage = Files.createDirectory(dir.resolve("registry"));
    registry = DockerRegistry.start(storage);
    try (var pusher = new Pusher(registry)) {
      pusher.push(
          "app", "v1", new TestImage().layer(new Tars().file("a", "x").bytes(), Compression.GZIP));
    }
    records = MetadataStore.open(dir.resolve("meta"));
  }

  @AfterEach
  void stop() {
    records.close();
    registry.close();
  }

  private ImageRecord pull(Map<String, String> environment) {
    var settings =
        new RegistrySettings(dir.resolve("hosts"), Optional.empty(), environment, Patience.DEFAULT);
    try (var images = Images.open(dir.resolve("images"), records, settings)) {
      return images.pull(
          ImageReference.parse("registry.test/app:v1"),
          Credentials.none(),
          Operation.internal("PullImage"));
    }
  }

  private void hostsToml(String text) throws IOException {
    Path folder = Files.createDirectories(dir.resolve("hosts/registry.test"));
    Files.writeString(folder.resolve("hosts.toml"), text);
  }

  @Test
  void plainRequestsGoThroughTheProxyWithItsCredentials() throws IOException {
    hostsToml("server = \"http://registry.test\"");
    try (var proxy = ForwardProxy.to(registry.port(), BASIC)) {
      pull(Map.of("HTTP_PROXY", "http://proxy:secret@" + proxy.host()));
      assertThat(proxy.requests().getFirst())
          .startsWith("GET http://registry.test/v2/app/manifests/v1 HTTP/1.1\r\n");
      assertThatThrownBy(() -> pull(Map.of("HTTP_PROXY", "http://" + proxy.host())))
          .hasMessageContaining("status 407");
    }
  }

  @Test
  void tlsGoesThroughATunnelThatNeverSeesARequest() throws IOException {
    var tls = Certificates.in(dir.resolve("keys"));
    registry.close();
    registry = DockerRegistry.startWithTls(storage, tls);
    tls.sign("client", "rsa:2048");
    Path key = tls.authority().resolveSibling("client.key");
    hostsToml(
        "ca = \"%s\"\nclient = [[\"%s\", \"%s\"]]"
            .formatted(tls.authority(), key.resolveSibling("client.crt"), key));
    try (var proxy = ForwardProxy.to(registry.port(), BASIC)) {
      pull(Map.of("HTTPS_PROXY", "http://proxy:secret@" + proxy.host()));
      assertThat(proxy.requests())
          .isNotEmpty()
          .allMatch(request -> request.startsWith("CONNECT registry.test:443 "));
      assertThatThrownBy(() -> pull(Map.of("HTTPS_PROXY", "http://proxy:wrong@" + proxy.host())))
          .hasMessageContaining("407");
    }
  }

  @Test
  void theProxyItselfMayTalkTls() throws IOException {
    var proxyTls = Certificates.in(dir.resolve("proxy-keys"));
    hostsToml("server = \"http://registry.test\"");
    try (var proxy = ForwardProxy.withTls(proxyTls.context(), registry.port(), BASIC)) {
      String url = "https://proxy:secret@" + proxy.host();
      assertThatThrownBy(() -> pull(Map.of("HTTP_PROXY", url))).hasMessageContaining("PKIX");
      pull(Map.of("HTTP_PROXY", url, "SSL_CERT_FILE", proxyTls.authority().toString()));
      assertThat(proxy.requests().getFirst())
          .startsWith("GET http://registry.test/v2/app/manifests/v1 HTTP/1.1\r\n");
    }
  }

  @Test
  void tlsGoesThroughATlsTunnel() throws IOException {
    var tls = Certificates.in(dir.resolve("keys"));
    registry.close();
    registry = DockerRegistry.startWithTls(storage, tls);
    tls.sign("client", "rsa:2048");
    Path key = tls.authority().resolveSibling("client.key");
    hostsToml("client = [[\"%s\", \"%s\"]]".formatted(key.resolveSibling("client.crt"), key));
    try (var proxy = ForwardProxy.withTls(tls.context(), registry.port(), BASIC)) {
      pull(
          Map.of(
              "HTTPS_PROXY",
              "https://proxy:secret@" + proxy.host(),
              "SSL_CERT_DIR",
              Files.createDirectories(dir.resolve("trusted")).toString(),
              "SSL_CERT_FILE",
              tls.authority().toString()));
      assertThat(proxy.requests())
          .isNotEmpty()
          .allMatch(request -> request.startsWith("CONNECT registry.test:443 "));
    }
  }

  @Test
  void whatNeedsNoProxyIsAskedDirectly() throws IOException {
    hostsToml("server = \"http://registry.test\"");
    try (var proxy = ForwardProxy.to(registry.port(), "")) {
      assertThatThrownBy(
              () -> pull(Map.of("HTTP_PROXY", proxy.host(), "NO_PROXY", "registry.test")))
          .hasMessageStartingWith("RegistryUnavailable: ");
      hostsToml("server = \"http://" + registry.host() + "\"");
      assertThat(pull(Map.of("HTTP_PROXY", proxy.host())).layers()).hasSize(1);
      assertThat(proxy.requests()).isEmpty();
    }
  }
}
