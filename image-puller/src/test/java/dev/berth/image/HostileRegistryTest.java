package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.testing.HostileRegistry;
import dev.berth.image.testing.TestImage;
import java.time.Duration;
import java.time.Instant;
import java.util.Arrays;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/**
 * A registry that lies about content, breaks its bounds, redirects to nowhere or is busy is refused
 * or waited for, and leaves nothing.
 */
class HostileRegistryTest extends HostileRegistryFixture {
  @Test
  void contentThatIsNotWhatItsDigestSaysIsRefused() {
    TestImage image = big();
    TestImage.Layer layer = image.layers().getFirst();
    byte[] changed = layer.blob().clone();
    changed[changed.length - 20] ^= 1;
    registry.serve("app", "v1", image).blob("app", layer.digest(), changed);
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("layer " + layer.digest() + ": the content has digest sha256:");
    assertNothingLeftBut();

    registry.blob("app", layer.digest(), new byte[] {1, 2, 3});
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the blob has 3 bytes, its descriptor says " + layer.blob().length);
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange -> {
          exchange.sendResponseHeaders(200, 0); // chunked: no length beforehand
          exchange.getResponseBody().write(layer.blob());
          exchange.getResponseBody().write(0);
          exchange.getResponseBody().close();
        });
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the content is longer than the " + layer.blob().length + " bytes");

    registry.serve("app", "v1", image);
    Digest config = Digest.ofSha256(image.configBlob());
    byte[] other = image.configBlob();
    other[5] ^= 1;
    registry.blob("app", config, other);
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("blob " + config + " of app: the content has digest sha256:");

    registry.serve("app", "v1", image);
    Digest wrong = Digest.ofSha256("something else");
    registry.manifest("app", wrong.toString(), image.manifest());
    assertFails("app@" + wrong, BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the content has digest ")
        .hasMessageEndingWith("not " + wrong);
  }

  @Test
  void aHeaderThatContradictsTheContentIsRefused() {
    registry.on(
        "/v2/app/manifests/v1",
        exchange -> {
          exchange
              .getResponseHeaders()
              .set("Docker-Content-Digest", Digest.ofSha256("other").toString());
          HostileRegistry.send(exchange, 200, big().manifest());
        });
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the registry says digest ");
    registry.on(
        "/v2/app/manifests/v1",
        exchange -> {
          exchange.getResponseHeaders().set("Content-Type", MediaTypes.OCI_INDEX);
          HostileRegistry.send(exchange, 200, big().manifest());
        });
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the Content-Type is " + MediaTypes.OCI_INDEX);
    assertNothingLeftBut();
  }

  @Test
  void documentsOverTheirBoundAreNotRead() {
    registry.on(
        "/v2/app/manifests/huge",
        exchange -> {
          exchange.sendResponseHeaders(200, 0);
          try (var out = exchange.getResponseBody()) {
            byte[] blanks = new byte[1 << 20];
            Arrays.fill(blanks, (byte) ' ');
            for (int i = 0; i < 100; i++) {
              out.write(blanks);
            }
          }
        });
    assertFails("app:huge", BerthException.Kind.RESOURCE_EXHAUSTED)
        .hasMessageContaining("over the bound of 4194304 bytes");
    String manifest =
        "{\"schemaVersion\": 2, \"layers\": [], \"config\": "
            + TestImage.descriptor(MediaTypes.OCI_CONFIG, Digest.ofSha256("x"), 9 << 20)
            + "}";
    registry.on(
        "/v2/app/manifests/config", exchange -> HostileRegistry.send(exchange, 200, manifest));
    assertFails("app:config", BerthException.Kind.RESOURCE_EXHAUSTED)
        .hasMessageContaining("has 9437184 bytes, over the bound of 8388608");
  }

  @Test
  void aDescriptorIsNotTrustedForItsSize() {
    // The layer says it is one byte long: not a byte more is believed.
    TestImage image = big();
    TestImage.Layer layer = image.layers().getLast();
    byte[] manifest =
        new String(image.manifest(), UTF_8)
            .replace("\"size\": " + layer.blob().length, "\"size\": 1")
            .getBytes(UTF_8);
    registry.serve("app", "v1", image).manifest("app", "v1", manifest);
    assertFails("app:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining(
            "the blob has %d bytes, its descriptor says 1".formatted(layer.blob().length));
    assertNothingLeftBut();
  }

  @Test
  void redirectsThatLeadNowhereGoodAreRefused() {
    for (String location : List.of("file:///etc/passwd", "ftp://x/y", "http://a b/", "")) {
      registry.on(
          "/v2/app/manifests/v1",
          exchange -> {
            exchange.getResponseHeaders().set("Location", location);
            HostileRegistry.send(exchange, 302, new byte[0]);
          });
      assertFails("app:v1", BerthException.Kind.FAILED_PRECONDITION)
          .hasMessageContaining("redirect");
    }
  }

  @Test
  void aBusyRegistryIsAskedAgainAfterTheTimeItWants() {
    var refusals = new AtomicInteger(2);
    TestImage image = big();
    registry.serve("app", "v1", image);
    registry.on(
        "/v2/app/manifests/v1",
        exchange -> {
          if (refusals.getAndDecrement() > 0) {
            exchange.getResponseHeaders().set("Retry-After", "1");
            HostileRegistry.send(exchange, 429, "later");
          } else {
            HostileRegistry.send(exchange, 200, image.manifest());
          }
        });
    Instant start = Instant.now();
    pull("app:v1");
    assertThat(Duration.between(start, Instant.now())).isGreaterThan(Duration.ofMillis(1900));
    assertThat(registry.requestsFor("/v2/app/manifests/v1")).isEqualTo(3);
  }

  @Test
  void aBrokenRegistryIsUnavailable() {
    registry.on("/v2/app/manifests/v1", exchange -> HostileRegistry.send(exchange, 503, "<html>"));
    assertFails("app:v1", BerthException.Kind.KUBELET_REASON)
        .hasMessage(
            "RegistryUnavailable: pull %1$s/app:v1: registry %1$s: fetch manifest v1 of app: status 503"
                .formatted(registry.host()));
    assertThat(registry.requestsFor("/v2/app/manifests/v1")).isEqualTo(4);
  }
}
