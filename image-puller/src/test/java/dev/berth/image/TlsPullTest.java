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
import dev.berth.image.testing.Pusher;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** A real registry over TLS that lets nobody in without a certificate. */
@RequiresRoot
class TlsPullTest {
  @TempDir Path dir;
  private Certificates tls;
  private DockerRegistry registry;
  private MetadataStore records;
  private Images images;

  @BeforeEach
  void start() throws IOException {
    Path storage = Files.createDirectory(dir.resolve("registry"));
    try (var open = DockerRegistry.start(storage);
        var pusher = new Pusher(open)) {
      pusher.push(
          "app", "v1", new TestImage().layer(new Tars().file("a", "x").bytes(), Compression.GZIP));
    }
    tls = Certificates.in(dir.resolve("keys"));
    registry = DockerRegistry.startWithTls(storage, tls);
    records = MetadataStore.open(dir.resolve("meta"));
    images = Images.open(dir.resolve("images"), records, dir.resolve("hosts"));
  }

  @AfterEach
  void stop() {
    images.close();
    records.close();
    registry.close();
  }

  private Path folder() throws IOException {
    return Files.createDirectories(dir.resolve("hosts").resolve(registry.host()));
  }

  private void hostsToml(String settings) throws IOException {
    Files.writeString(
        folder().resolve("hosts.toml"),
        "server = \"https://%s\"\n%s\n".formatted(registry.host(), settings));
  }

  private ImageRecord pull() {
    return images.pull(
        ImageReference.parse(registry.host() + "/app:v1"),
        Credentials.none(),
        Operation.internal("PullImage"));
  }

  private Path key(String name, String algorithm) throws IOException {
    tls.sign(name, algorithm);
    return tls.authority().resolveSibling(name + ".key");
  }

  @ParameterizedTest
  @CsvSource({
    "ec -pkeyopt ec_paramgen_curve:P-384, pkcs8 -topk8 -nocrypt",
    "ec -pkeyopt ec_paramgen_curve:P-256, ec",
    "rsa:2048, pkcs8 -topk8 -nocrypt",
    "rsa:2048, rsa -traditional",
    "ed25519, pkcs8 -topk8 -nocrypt",
  })
  void aClientCertificateOpensTheDoorWhateverFormItsKeyHas(String algorithm, String form)
      throws IOException {
    Path key = key("client", algorithm);
    Certificates.openssl(key.getParent(), form + " -in client.key -out other.key");
    hostsToml("ca = \"" + tls.authority() + "\"");
    assertThatThrownBy(this::pull).as("without one").isNotNull();
    hostsToml(
        "ca = \"%s\"\nclient = [[\"%s\", \"%s\"]]"
            .formatted(
                tls.authority(),
                key.resolveSibling("client.crt"),
                key.resolveSibling("other.key")));
    assertThat(pull().layers()).hasSize(1);
  }

  @Test
  void certificateAndKeyMayShareAFileBesideTheHostsFile() throws IOException {
    Path key = key("client", "rsa:2048");
    Files.writeString(
        folder().resolve("both.pem"),
        Files.readString(key.resolveSibling("client.crt")) + Files.readString(key));
    hostsToml("skip_verify = true\nclient = \"both.pem\"");
    assertThat(pull().layers()).hasSize(1);
  }

  @Test
  void aReplacedAuthorityCountsFromTheNextPullOn() throws IOException {
    Path key = key("client", "ec -pkeyopt ec_paramgen_curve:P-256");
    Path wrong = Certificates.in(dir.resolve("wrong")).authority();
    Path authority = folder().resolve("ca.pem");
    Files.copy(wrong, authority);
    hostsToml(
        "ca = \"ca.pem\"\nclient = [[\"%s\", \"%s\"]]"
            .formatted(key.resolveSibling("client.crt"), key));
    assertThatThrownBy(this::pull).hasMessageContaining("PKIX");
    Files.copy(tls.authority(), authority, StandardCopyOption.REPLACE_EXISTING);
    assertThat(pull().layers()).hasSize(1);
    Files.copy(wrong, authority, StandardCopyOption.REPLACE_EXISTING);
    assertThatThrownBy(this::pull).hasMessageContaining("PKIX");
  }

  @Test
  void theMachinesAuthoritiesCountAsTheyAreNow() throws IOException {
    Path key = key("client", "ec -pkeyopt ec_paramgen_curve:P-256");
    Path wrong = Certificates.in(dir.resolve("wrong")).authority();
    Path bundle = Files.copy(wrong, dir.resolve("bundle.crt"));
    hostsToml("client = [[\"%s\", \"%s\"]]".formatted(key.resolveSibling("client.crt"), key));
    images.close();
    images =
        Images.open(
            dir.resolve("images"),
            records,
            new RegistrySettings(
                dir.resolve("hosts"),
                Optional.empty(),
                Map.of("SSL_CERT_FILE", bundle.toString()),
                Patience.DEFAULT));
    assertThatThrownBy(this::pull).hasMessageContaining("PKIX");
    Files.writeString(
        bundle,
        """
        -----BEGIN CERTIFICATE-----
        AAAA
        -----END CERTIFICATE-----
        """
            + Files.readString(tls.authority()));
    assertThat(pull().layers()).as("one that is broken costs no other").hasSize(1);
    Files.delete(bundle);
    assertThatThrownBy(this::pull).hasMessageContaining("cannot set up TLS: no file " + bundle);
  }

  @Test
  void aKeyThatIsNoneIsNamed() throws IOException {
    Path key = key("client", "rsa:2048");
    Path certificate = key.resolveSibling("client.crt");
    hostsToml(
        "ca = \"%1$s\"\nclient = [[\"%2$s\", \"%2$s\"]]".formatted(tls.authority(), certificate));
    assertThatThrownBy(this::pull)
        .hasMessageContaining("cannot set up TLS: " + certificate + ": no private key in it");
    Certificates.openssl(
        key.getParent(), "pkcs8 -topk8 -in client.key -out locked.key -passout pass:x");
    hostsToml(
        "client = [[\"%s\", \"%s\"]]".formatted(certificate, key.resolveSibling("locked.key")));
    assertThatThrownBy(this::pull).hasMessageContaining("locked.key: the key is encrypted");
  }

  @Test
  void aDirectoryWithoutHostsFileIsReadAsDockerDoes() throws IOException {
    Path key = key("node", "rsa:2048");
    Path folder = folder();
    Files.copy(tls.authority(), folder.resolve("authority.crt"));
    Files.copy(key.resolveSibling("node.crt"), folder.resolve("node.cert"));
    Files.copy(key, folder.resolve("node.key"));
    assertThat(pull().layers()).hasSize(1);
  }
}
