package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.Patience;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.HostileRegistry;
import dev.berth.image.testing.LinkProxy;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import java.io.IOException;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;

/** What a mirror costs that is dead, ill, busy, or may not be asked everything. */
class MirrorTest extends HostileRegistryFixture {
  private final HostileRegistry mirror = HostileRegistry.start();
  private final TestImage image = manyLayers();

  private static TestImage manyLayers() {
    var image = new TestImage();
    for (int i = 0; i < 8; i++) {
      image.layer(new Tars().file("file-" + i, "x").bytes(), Compression.GZIP);
    }
    return image;
  }

  @Override
  RegistrySettings settings() {
    var patience =
        new Patience(Duration.ofMillis(500), LIMIT, LIMIT, 64 * 1024, 2); // to the first byte
    return super.settings().with(patience);
  }

  @BeforeEach
  void serve() throws IOException {
    registry.serve("app", "v1", image);
    mirror("http://" + mirror.host(), "");
  }

  @AfterEach
  void stop() {
    mirror.close();
  }

  private void mirror(String url, String settings) throws IOException {
    hostsToml(
        "server = \"http://%s\"\n[host.\"%s\"]\n%s".formatted(registry.host(), url, settings));
  }

  @Test
  void aMirrorThatAnswersNothingIsAskedOnceForAWholeImage() throws IOException {
    try (var silent = LinkProxy.to(Integer.parseInt(registry.host().split(":", 2)[1]))) {
      silent.stall(Integer.MAX_VALUE, 0);
      mirror("http://" + silent.host(), "");
      pull("app:v1");
      assertThat(silent.connections()).isEqualTo(1);
    }
  }

  @Test
  void aBrokenMirrorIsAskedOnceByAllPullsTogether() {
    mirror.on("/v2/app/manifests/v1", exchange -> HostileRegistry.send(exchange, 502, "broken"));
    pull("app:v1");
    pull("app:v1");
    assertThat(mirror.requests()).hasSize(1);
  }

  @Test
  void aBusyMirrorIsPassedOverWhileItWantsItsPause() {
    mirror.on(
        "/v2/app/manifests/v1",
        exchange -> {
          exchange.getResponseHeaders().set("Retry-After", "30");
          HostileRegistry.send(exchange, 429, "later");
        });
    pull("app:v1");
    assertThat(mirror.requests()).hasSize(1);
  }

  @Test
  void anExplanationNamesTheHostsInTheirOrderAndWhatEachSays() {
    mirror.on("/v2/app/manifests/v1", exchange -> HostileRegistry.send(exchange, 404, ""));
    ImageReference name = ImageReference.parse(registry.host() + "/app:v1");
    List<String> hosts =
        images
            .transfers()
            .explain(name, Credentials.none(), Operation.internal("ExplainRegistry"))
            .stream()
            .map(Object::toString)
            .toList();
    assertThat(hosts).hasSize(2);
    assertThat(hosts.getFirst()).contains(mirror.host(), "plain HTTP", "404");
    assertThat(hosts.getLast()).contains(registry.host(), "plain HTTP", "answer=200");
  }

  @Test
  void anIllMirrorIsBetterThanNone() {
    var failures = new AtomicInteger(1);
    mirror.serve("app", "v1", image);
    mirror.on(
        "/v2/app/manifests/v1",
        exchange -> {
          boolean ill = failures.getAndDecrement() > 0;
          HostileRegistry.send(exchange, ill ? 500 : 200, ill ? new byte[0] : image.manifest());
        });
    pull("app:v1");
    assertThat(mirror.requests()).hasSize(1);
    registry.close();
    images.remove(registry.host() + "/app:v1", Operation.internal("RemoveImage"));
    pull("app:v1");
    assertThat(mirror.requests()).hasSizeGreaterThan(8);
  }

  @Test
  void whoIsLeftAloneIsNamedWhenNobodyAnswers() {
    mirror.on("/v2/app/manifests/v9", exchange -> HostileRegistry.send(exchange, 502, "broken"));
    assertThatThrownBy(() -> pull("app:v9")).hasMessageContaining("status 404");
    assertThatThrownBy(() -> pull("app:v9"))
        .hasMessageContaining("status 404")
        .hasMessageEndingWith(
            "; before that registry " + mirror.host() + " is left alone for now: status 502");
  }

  @Test
  void aPauseThatARegistryWantsHoldsForAllItsBlobs() {
    var refusedAt = new AtomicLong();
    var tooEarly = new AtomicInteger();
    for (TestImage.Layer layer : image.layers()) {
      registry.on(
          HostileRegistry.blobPath("app", layer.digest()),
          exchange -> {
            long now = System.nanoTime();
            if (refusedAt.compareAndSet(0, now)) {
              exchange.getResponseHeaders().set("Retry-After", "1");
              HostileRegistry.send(exchange, 429, "later");
              return;
            }
            long since = (now - refusedAt.get()) / 1_000_000;
            if (since > 300 && since < 1000) { // before that it was on its way already
              tooEarly.incrementAndGet();
            }
            HostileRegistry.sendRange(exchange, layer.blob());
          });
    }
    pull("app:v1");
    assertThat(refusedAt.get()).isNotZero();
    assertThat(tooEarly).hasValue(0);
  }

  @Test
  void capabilitiesSayWhatAHostIsAskedFor() throws IOException {
    mirror.serve("app", "v1", image);
    mirror("http://" + mirror.host(), "capabilities = [\"resolve\"]");
    pull("app:v1");
    assertThat(mirror.requestsFor("/v2/app/manifests/v1")).isEqualTo(1);
    assertThat(mirror.requestsFor("/v2/app/blobs/")).isZero();
    images.remove(registry.host() + "/app:v1", Operation.internal("RemoveImage"));
    mirror("http://" + mirror.host(), "capabilities = [\"pull\"]");
    pull("app:v1");
    assertThat(mirror.requestsFor("/v2/app/manifests/v1")).as("as before").isEqualTo(1);
    assertThat(mirror.requestsFor("/v2/app/blobs/")).isEqualTo(9);
  }

  @Test
  void aChangedFileCountsFromTheNextPullOnWithItsPathAndHeaders() throws IOException {
    pull("app:v1");
    mirror.serve("proxy/app", "v1", image);
    mirror.on(
        "/base/app/manifests/v1",
        exchange -> {
          boolean known = "let me in".equals(exchange.getRequestHeaders().getFirst("X-Key"));
          HostileRegistry.send(exchange, known ? 200 : 403, known ? image.manifest() : new byte[0]);
        });
    mirror(
        "http://" + mirror.host() + "/base",
        "override_path = true\n[host.\"http://%s/base\".header]\nX-Key = [\"let me in\"]\n"
            .formatted(mirror.host()));
    long before = registry.requests().size();
    pull("app:v1");
    assertThat(mirror.requestsFor("/base/app/manifests/v1")).isEqualTo(1);
    assertThat(registry.requests()).as("asked for no manifest").hasSizeLessThan((int) before + 2);
  }

  @Test
  void theDefaultDirectoryIsForHostsThatHaveNone() throws IOException {
    mirror.serve("app", "v1", image);
    hostsToml("_default", "[host.\"http://%s\"]".formatted(mirror.host()));
    images.pull(
        ImageReference.parse("nowhere.test/app:v1"),
        Credentials.none(),
        Operation.internal("PullImage"));
    assertThat(mirror.requests().getFirst().path()).endsWith("?ns=nowhere.test");
  }
}
