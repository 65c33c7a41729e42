package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.image.oci.Digest;
import dev.berth.image.testing.HostileRegistry;
import dev.berth.image.testing.TestImage;
import dev.berth.image.unpack.Tars;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** A manifest may name other servers for its layers; nobody asks them (rule R20). */
class ForeignLayerTest extends HostileRegistryFixture {
  private final HostileRegistry elsewhere = HostileRegistry.start();

  @AfterEach
  void closeElsewhere() {
    elsewhere.close();
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
        "application/vnd.oci.image.layer.nondistributable.v1.tar+gzip",
        "application/vnd.oci.image.layer.v1.tar+gzip"
      })
  void theServersThatALayerNamesAreNeverAsked(String mediaType) {
    byte[] tar = new Tars().file("a", "x").bytes();
    byte[] blob = TestImage.gzip(tar);
    TestImage image = new TestImage().layer(blob, mediaType, Digest.ofSha256(tar));
    String path = HostileRegistry.blobPath("app", Digest.ofSha256(blob));
    elsewhere.on(path, exchange -> HostileRegistry.sendRange(exchange, blob));
    String size = "\"size\": " + blob.length;
    String url = "http://" + elsewhere.host() + path;
    byte[] manifest =
        new String(image.manifest(), UTF_8)
            .replace(size, size + ", \"urls\": [\"" + url + "\"]")
            .getBytes(UTF_8);
    assertThat(new String(manifest, UTF_8)).contains(url);
    registry.serve("app", "v1", image).manifest("app", "v1", manifest);

    registry.on(path, exchange -> HostileRegistry.send(exchange, 404, "not here"));
    assertFails("app:v1", BerthException.Kind.NOT_FOUND).hasMessageContaining("status 404");
    registry.blob("app", Digest.ofSha256(blob), blob);
    assertThat(pull("app:v1").layers()).hasSize(1);
    assertThat(elsewhere.requests()).isEmpty();
  }
}
