package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.Patience;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.DockerRegistry;
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
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** A registry that falls silent is dropped and asked again; a pull never hangs with it. */
@RequiresRoot
class StalledPullTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final Duration SILENCE = Duration.ofMillis(400);

  @TempDir Path dir;
  private DockerRegistry registry;
  private LinkProxy link;
  private MetadataStore records;
  private Images images;
  private final TestImage image = image();

  private static TestImage image() {
    byte[] noise = new byte[3 << 20];
    new Random(7).nextBytes(noise);
    return new TestImage().layer(new Tars().file("noise", 0644, noise).bytes(), Compression.GZIP);
  }

  @BeforeEach
  void start() throws IOException {
    registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")));
    try (var pusher = new Pusher(registry)) {
      pusher.push("app", "v1", image);
    }
    link = LinkProxy.to(registry.port());
    records = MetadataStore.open(dir.resolve("meta"));
    images = open(new Patience(LIMIT, SILENCE, Duration.ofSeconds(2), 64 * 1024, 3));
  }

  private Images open(Patience patience) {
    return Images.open(
        dir.resolve("images"), records, RegistrySettings.of(dir.resolve("hosts")).with(patience));
  }

  @AfterEach
  void stop() {
    images.close();
    records.close();
    link.close();
    registry.close();
  }

  private ImageRecord pull(Operation operation) {
    return images.pull(
        ImageReference.parse(link.host() + "/app:v1"), Credentials.none(), operation);
  }

  @Test
  void aConnectionThatFallsSilentIsReplacedWhereItStopped() {
    link.stall(2, 1 << 20);
    assertThat(pull(Operation.internal("PullImage")).layers()).hasSize(1);
    assertThat(link.connections()).isGreaterThanOrEqualTo(3);
    assertThat(link.silent()).isZero();
    assertThat(dir.resolve("images/partial")).isEmptyDirectory();
  }

  @Test
  void aRegistryThatKeepsFallingSilentIsGivenUpWithHostBlobAndBytes() {
    long size = image.layers().getFirst().blob().length;
    link.stall(Integer.MAX_VALUE, 64 * 1024);
    assertThatThrownBy(() -> pull(Operation.internal("PullImage")))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.KUBELET_REASON))
        .hasMessageMatching(
            "RegistryUnavailable: pull %1$s/app:v1: registry %1$s: fetch blob %2$s of app: no"
                    .formatted(link.host(), image.layers().getFirst().digest())
                + " progress in 3 connections after \\d+ of "
                + size
                + " bytes; the last one: registry .* no byte came for 400 ms");
    assertThat(images.list()).isEmpty();
  }

  @Test
  void aDripIsNotProgress() {
    images.close();
    images =
        open(new Patience(LIMIT, Duration.ofSeconds(5), Duration.ofMillis(600), 1024 * 1024, 2));
    link.rate(100_000);
    assertThatThrownBy(() -> pull(Operation.internal("PullImage")))
        .hasMessageContaining("no progress in 2 connections after ")
        .hasMessageMatching(".*only \\d+ bytes came in 600 ms");
  }

  @Test
  void aCancelledPullOfASilentRegistryEndsWithinASecond() {
    images.close();
    images = open(Patience.DEFAULT);
    link.stall(Integer.MAX_VALUE, 1 << 20);
    Operation operation = Operation.internal("PullImage");
    var pull =
        CompletableFuture.supplyAsync(() -> pull(operation), r -> Thread.ofVirtual().start(r));
    Await.until("the registry is silent", LIMIT, () -> link.silent() == 1);
    operation.cancel();
    Await.until(
        "the pull has ended, its connection and its threads too",
        Duration.ofSeconds(1),
        () -> pull.isDone() && link.silent() == 0 && layerThreads() == 0);
    assertThatThrownBy(pull::join).hasMessageContaining("cancelled by the caller");
  }

  private static long layerThreads() {
    return Thread.getAllStackTraces().keySet().stream()
        .filter(thread -> thread.getName().startsWith("layer-"))
        .count();
  }
}
