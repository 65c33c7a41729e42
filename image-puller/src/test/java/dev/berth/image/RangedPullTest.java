package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.sun.net.httpserver.HttpExchange;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.Patience;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.HostFiles;
import dev.berth.image.testing.HostileRegistry;
import dev.berth.image.testing.LinkProxy;
import dev.berth.image.testing.Pusher;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Random;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/**
 * A large layer over a link that gives each connection little comes over several; whatever the
 * server does about ranges, the content is right or refused.
 */
@RequiresRoot
class RangedPullTest {
  private static final Duration LIMIT = Duration.ofSeconds(60);
  private static final int PER_CONNECTION = 20_000_000;
  private static final byte[] NOISE = noise();

  @TempDir Path dir;
  private final TestImage image =
      new TestImage().layer(new Tars().file("noise", 0644, NOISE).bytes(), Compression.NONE);
  private final TestImage.Layer layer = image.layers().getFirst();
  private LinkProxy link;
  private MetadataStore records;
  private Images images;

  private static byte[] noise() {
    byte[] noise = new byte[72 << 20];
    new Random(11).nextBytes(noise);
    return noise;
  }

  @BeforeEach
  void open() {
    records = MetadataStore.open(dir.resolve("meta"));
    var patience = new Patience(LIMIT, Duration.ofMillis(800), LIMIT, 64 * 1024, 3);
    images =
        Images.open(
            dir.resolve("images"),
            records,
            RegistrySettings.of(dir.resolve("hosts")).with(patience));
  }

  @AfterEach
  void close() {
    images.close();
    records.close();
    if (link != null) {
      link.close();
    }
  }

  private LinkProxy linkTo(int port) {
    link = LinkProxy.to(port).roundTrip(Duration.ofMillis(20)).rate(PER_CONNECTION);
    return link;
  }

  private ImageRecord pull(Operation operation) {
    return images.pull(
        ImageReference.parse(link.host() + "/app:v1"), Credentials.none(), operation);
  }

  private void pullAndCompare() throws IOException {
    ImageRecord record = pull(Operation.internal("PullImage"));
    Path file = images.snapshots().lowerDirectories(record.layers()).getFirst().resolve("noise");
    assertThat(Files.mismatch(file, Files.write(dir.resolve("expected"), NOISE))).isEqualTo(-1);
    assertThat(dir.resolve("images/partial")).isEmptyDirectory();
    assertNoThreads();
  }

  private static void assertNoThreads() {
    Await.until(
        "no thread is left",
        LIMIT,
        () ->
            Thread.getAllStackTraces().keySet().stream()
                .noneMatch(thread -> thread.getName().startsWith("layer-")));
  }

  private interface Server {
    void answer(HttpExchange exchange, boolean ranged) throws IOException;
  }

  /** A registry that answers requests for the layer in a way of its own. */
  private HostileRegistry hostile(Server server) {
    var registry = HostileRegistry.start().serve("app", "v1", image);
    registry.on(
        HostileRegistry.blobPath("app", layer.digest()),
        exchange ->
            server.answer(exchange, exchange.getRequestHeaders().getFirst("Range") != null));
    linkTo(Integer.parseInt(registry.host().split(":", 2)[1]));
    return registry;
  }

  private long ranges(HostileRegistry registry) {
    return registry.requests().stream().filter(request -> request.range() != null).count();
  }

  @Test
  void aLargeLayerComesOverSeveralConnections() throws IOException {
    try (var registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")))) {
      try (var pusher = new Pusher(registry)) {
        pusher.push("app", "v1", image);
      }
      linkTo(registry.port());
      pullAndCompare();
      assertThat(link.mostAtOnce()).isGreaterThan(1);
    }
  }

  @Test
  void aRangeThatFallsSilentIsResumed() throws IOException {
    try (var registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")))) {
      try (var pusher = new Pusher(registry)) {
        pusher.push("app", "v1", image);
      }
      linkTo(registry.port()).stall(2, 14 << 20);
      pullAndCompare();
      assertThat(link.mostAtOnce()).isGreaterThan(1);
    }
  }

  @Test
  void aServerThatIgnoresRangesIsReadAsOneStream() throws IOException {
    try (var registry =
        hostile((exchange, _) -> HostileRegistry.send(exchange, 200, layer.blob()))) {
      pullAndCompare();
      assertThat(ranges(registry)).as("tried on both new connections at most").isBetween(1L, 2L);
      images.remove(link.host() + "/app:v1", Operation.internal("RemoveImage"));
      long before = ranges(registry);
      pullAndCompare();
      assertThat(ranges(registry)).as("known by now").isEqualTo(before);
    }
  }

  @Test
  void aServerThatConfusesRangesIsReadAsOneStream() throws IOException {
    try (var _ =
        hostile((exchange, ranged) -> {
          if (ranged) {
            exchange.getResponseHeaders().set("Content-Range", "bytes 0-9/" + layer.blob().length);
          }
          HostileRegistry.send(exchange, ranged ? 206 : 200, ranged ? new byte[10] : layer.blob());
        })) {
      pullAndCompare();
    }
  }

  @Test
  void aServerWhoseContentChangesIsReadAsOneStream() throws IOException {
    var version = new AtomicInteger();
    try (var _ =
        hostile((exchange, _) -> {
          exchange.getResponseHeaders().set("ETag", "\"" + version.incrementAndGet() + "\"");
          HostileRegistry.sendRange(exchange, layer.blob());
        })) {
      pullAndCompare();
    }
  }

  @Test
  void rangesThatAreRefusedLeaveOneStream() throws IOException {
    try (var _ =
        hostile((exchange, ranged) -> {
          if (ranged) {
            HostileRegistry.send(exchange, 403, "no");
          } else {
            HostileRegistry.send(exchange, 200, layer.blob());
          }
        })) {
      pullAndCompare();
    }
  }

  @Test
  void wrongBytesInARangeAreFound() {
    byte[] wrong = layer.blob().clone();
    wrong[wrong.length - 2_000_000] ^= 1;
    try (var registry =
        hostile((exchange, ranged) ->
            HostileRegistry.sendRange(exchange, ranged ? wrong : layer.blob()))) {
      assertThatThrownBy(() -> pull(Operation.internal("PullImage")))
          .hasMessageContaining("the content has digest");
      assertThat(ranges(registry)).isPositive();
      assertThat(images.list()).isEmpty();
      assertNoThreads();
    }
  }

  @Test
  void aCancelledPullLeavesNoConnectionAndNoFile() throws IOException {
    try (var registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")))) {
      try (var pusher = new Pusher(registry)) {
        pusher.push("app", "v1", image);
      }
      linkTo(registry.port());
      Operation operation = Operation.internal("PullImage");
      var pull =
          CompletableFuture.supplyAsync(() -> pull(operation), r -> Thread.ofVirtual().start(r));
      Await.until("there are ranges", LIMIT, () -> link.mostAtOnce() > 1);
      operation.cancel();
      assertThatThrownBy(pull::join).hasMessageContaining("cancelled by the caller");
      assertNoThreads();
      Await.until(
          "nothing is left but where to go on",
          LIMIT,
          () ->
              HostFiles.below(dir.resolve("images/staging")).size() == 1
                  && HostFiles.below(dir.resolve("images/partial")).size() == 2);
      pullAndCompare();
    }
  }

  @Test
  void aProcessKilledAmongRangesLeavesWhereToGoOn() throws Exception {
    try (var registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")))) {
      try (var pusher = new Pusher(registry)) {
        pusher.push("app", "v1", image);
      }
      linkTo(registry.port());
      images.close();
      records.close();
      Process process = Puller.start(dir, link.host() + "/app:v1");
      Await.until("there are ranges", LIMIT, () -> link.mostAtOnce() > 1 || !process.isAlive());
      process.destroyForcibly();
      assertThat(process.waitFor()).isEqualTo(137);
      open();
      assertThat(HostFiles.below(dir.resolve("images/staging"))).hasSize(1);
      long before = link.carried();
      pullAndCompare();
      assertThat(link.carried() - before)
          .as("what had come is not fetched again")
          .isLessThan(NOISE.length);
    }
  }
}
