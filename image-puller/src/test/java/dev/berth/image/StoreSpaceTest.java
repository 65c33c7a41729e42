package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.HostFiles;
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
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Random;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Frees space, counts it against du(1), and says who needs it. */
@RequiresRoot
class StoreSpaceTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);
  private static final byte[] SHARED =
      new Tars().directory("lib").file("lib/a", 0644, noise(1)).bytes();

  @TempDir Path dir;
  private DockerRegistry registry;
  private Pusher pusher;
  private MetadataStore records;
  private Images images;

  @BeforeEach
  void start() throws IOException {
    registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")));
    pusher = new Pusher(registry);
    pusher.push("one", "v1", image(new Tars().file("one", 0644, noise(2))));
    pusher.push("two", "v1", image(new Tars().file("two", 0644, noise(3))));
    open(true);
  }

  private static byte[] noise(int seed) {
    byte[] noise = new byte[300_000];
    new Random(seed).nextBytes(noise);
    return noise;
  }

  private static TestImage image(Tars own) {
    return new TestImage().layer(SHARED, Compression.GZIP).layer(own.bytes(), Compression.ZSTD);
  }

  private void open(boolean keepContent) {
    open(keepContent, false);
  }

  private void open(boolean keepContent, boolean durablePulls) {
    records = MetadataStore.open(dir.resolve("meta"));
    images =
        Images.open(
            dir.resolve("images"),
            records,
            RegistrySettings.of(dir.resolve("hosts")),
            new StoreSettings(keepContent, durablePulls, List.of("*/two:*"), Optional.empty()));
  }

  @AfterEach
  void stop() {
    images.close();
    records.close();
    pusher.close();
    registry.close();
  }

  private ImageRecord pull(String name) {
    return images.pull(
        ImageReference.parse(registry.host() + "/" + name), Credentials.none(), operation());
  }

  private static Operation operation() {
    return Operation.internal("Test");
  }

  private void awaitSynced() {
    Await.until(
        "all layers are on the disk",
        LIMIT,
        () ->
            ImageLayout.list(dir.resolve("images/layers")).stream()
                .allMatch(folder -> Files.exists(folder.resolve("synced"))));
  }

  @Test
  void aDurablePullIsOnTheDiskWhenItReturns() throws IOException {
    images.close();
    records.close();
    open(false, true);
    pull("one:v1");
    assertThat(ImageLayout.list(dir.resolve("images/layers")))
        .hasSize(2)
        .allSatisfy(folder -> assertThat(folder.resolve("synced")).exists());
  }

  private List<String> files(String folder) {
    return ImageLayout.list(dir.resolve("images").resolve(folder)).stream()
        .map(path -> path.getFileName().toString())
        .sorted()
        .toList();
  }

  @Test
  void whatIsRemovedIsFreeWhenTheCallReturns() throws IOException {
    ImageRecord one = pull("one:v1");
    ImageRecord two = pull("two:v1");
    images.snapshots().prepare("container-1", two);
    assertThat(files("blobs")).hasSize(3);

    images.remove(one.id(), operation());
    assertThat(files("trash")).isEmpty();
    assertThat(files("layers")).hasSize(2);
    assertThat(files("blobs")).hasSize(2);
    assertThat(images.find(registry.host() + "/one:v1")).isEmpty();

    images.remove(two.id(), operation());
    assertThat(images.list()).isEmpty();
    assertThat(files("blobs")).isEmpty();
    assertThat(files("layers")).as("the container's").hasSize(2);
    images.snapshots().remove("container-1");
    assertThat(files("layers")).isEmpty();
    images.remove(two.id(), operation());
    assertThat(images.collectGarbage(operation())).allMatch(item -> item.kind().equals("trash"));
    assertThat(HostFiles.below(dir.resolve("images"))).hasSize(7);
    assertThat(files("trash")).isEmpty();
  }

  @Test
  void aRemovalThatIsGivenUpHasRemovedTheNames() {
    ImageRecord one = pull("one:v1");
    Operation late = operation();
    late.cancel();
    assertThatThrownBy(() -> images.remove(one.id(), late)).isInstanceOf(BerthException.class);
    assertThat(images.list()).isEmpty();
    Await.until("it is free all the same", LIMIT, () -> files("trash").isEmpty());
  }

  /** Bytes and inodes below directories, by du(1), without the directories themselves. */
  private List<Long> du(String... folders) throws Exception {
    List<Long> numbers = new ArrayList<>();
    for (String option : List.of("--block-size=1", "--inodes")) {
      long sum = 0;
      for (String folder : folders) {
        for (Path entry : ImageLayout.list(dir.resolve("images").resolve(folder))) {
          var du = new ProcessBuilder("du", "-s", option, entry.toString()).start();
          String text = new String(du.getInputStream().readAllBytes(), UTF_8);
          assertThat(du.waitFor()).isZero();
          sum += Long.parseLong(text.substring(0, text.indexOf('\t')));
        }
      }
      numbers.add(sum);
    }
    return numbers;
  }

  /** A layer is measured a moment after its mark is there. */
  private void assertExact() throws Exception {
    var _ = Await.within(LIMIT, () -> usage().equals(du("layers", "content", "blobs")));
    assertThat(usage()).isEqualTo(du("layers", "content", "blobs"));
  }

  private List<Long> usage() {
    FsUsage usage = images.usage();
    return List.of(usage.usedBytes(), usage.inodesUsed());
  }

  @Test
  void usageIsWhatDuSays() throws Exception {
    ImageRecord one = pull("one:v1");
    awaitSynced();
    assertExact();
    pull("two:v1");
    awaitSynced();
    assertExact();
    images.close();
    records.close();
    open(true);
    assertExact();
    images.remove(one.id(), operation());
    assertExact();

    ImageRecord two = images.list().getFirst();
    for (String key : List.of("container-1", "container-2")) {
      images.snapshots().prepare(key, two);
    }
    Path written = images.snapshots().writableLayer("container-1").resolve("data");
    Files.write(written, noise(4));
    FsUsage usage = images.containerUsage();
    List<Long> fs = new ArrayList<>(List.of(0L, 0L));
    for (String key : images.snapshots().list()) {
      List<Long> all = du("snapshots/" + key);
      List<Long> work = List.of(4096L, 1L);
      long description = 4096;
      fs.set(0, fs.get(0) + all.get(0) - work.get(0) - description);
      fs.set(1, fs.get(1) + all.get(1) - work.get(1) - 1);
    }
    assertThat(List.of(usage.usedBytes(), usage.inodesUsed())).isEqualTo(fs);
  }

  @Test
  void theInventoryTellsWhoHoldsWhat() throws IOException {
    pull("one:v1");
    ImageRecord two = pull("two:v1");
    images.snapshots().prepare("container-1", two);
    Path orphan = Files.write(dir.resolve("images/blobs").resolve("0".repeat(64)), noise(5));
    Path broken = Files.write(dir.resolve("images/partial").resolve("1".repeat(64)), noise(6));
    awaitSynced();
    String host = registry.host();
    List<StoreItem> items = images.inventory();
    StoreItem shared =
        items.stream()
            .filter(item -> item.name().equals(two.layers().getFirst()))
            .findFirst()
            .orElseThrow();
    assertThat(shared.kind()).isEqualTo("layer");
    assertThat(shared.holders())
        .containsExactly(
            "image " + host + "/one:v1", "image " + host + "/two:v1", "snapshot container-1");
    assertThat(shared.usedBytes()).isGreaterThan(300_000);
    assertThat(items.stream().filter(item -> item.kind().equals("content") && !item.isGarbage()))
        .hasSize(3)
        .anyMatch(item -> item.holders().size() == 2);
    assertThat(items.stream().filter(StoreItem::isGarbage).map(StoreItem::name))
        .containsExactlyInAnyOrder("0".repeat(64), "1".repeat(64));

    assertThat(images.collectGarbage(operation())).hasSize(2);
    assertThat(orphan).doesNotExist();
    assertThat(broken).doesNotExist();
    assertThat(images.inventory()).noneMatch(StoreItem::isGarbage);
    assertThat(images.list()).hasSize(2);
  }

  @Test
  void pinnedImagesAreKnownByTheirNames() {
    assertThat(images.isPinned(pull("one:v1"))).isFalse();
    assertThat(images.isPinned(pull("two:v1"))).isTrue();
  }

  @Test
  void contentIsKeptOnlyIfAskedFor() {
    images.close();
    records.close();
    open(false);
    pull("one:v1");
    assertThat(files("blobs")).isEmpty();
    assertThat(files("partial")).isEmpty();
  }
}
