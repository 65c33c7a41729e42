package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.JournalCuts;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.CheckedPart.Health;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.Pusher;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.image.unpack.TreeDump;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Loses and damages what lies on the disk: the store finds out and comes back. */
@RequiresRoot
class StoreHealingTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  @TempDir Path dir;
  private DockerRegistry registry;
  private MetadataStore records;
  private Images images;

  @BeforeEach
  void start() throws IOException {
    registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")));
    try (var pusher = new Pusher(registry)) {
      pusher.push("app", "v1", image("one"));
      pusher.push("app", "v2", image("two"));
    }
    open();
  }

  private static TestImage image(String content) {
    return new TestImage()
        .layer(
            new Tars()
                .directory("etc")
                .file("etc/base", 0644, new byte[200_000])
                .file("etc/empty", "")
                .bytes(),
            Compression.GZIP)
        .layer(new Tars().file("etc/app", content).bytes(), Compression.GZIP);
  }

  private void open() {
    records = MetadataStore.open(dir.resolve("meta"));
    images = Images.open(dir.resolve("images"), records, dir.resolve("hosts"));
  }

  private void close() {
    images.close();
    records.close();
  }

  @AfterEach
  void stop() {
    close();
    registry.close();
  }

  private ImageRecord pull(String tag) {
    ImageRecord image =
        images.pull(
            ImageReference.parse(registry.host() + "/app:" + tag),
            Credentials.none(),
            Operation.internal("PullImage"));
    awaitSynced();
    return image;
  }

  private void awaitSynced() {
    Await.until(
        "all layers are on the disk",
        LIMIT,
        () -> layerFolders().stream().allMatch(folder -> Files.exists(folder.resolve("synced"))));
  }

  private List<Path> layerFolders() {
    return ImageLayout.list(dir.resolve("images/layers")).stream().sorted().toList();
  }

  /** What every layer holds, whatever it is called. */
  private Map<String, Object> trees() throws IOException {
    Map<String, Object> trees = new TreeMap<>();
    for (Path folder : layerFolders()) {
      Map<String, String> tree = TreeDump.of(folder.resolve("fs"));
      tree.remove("."); // no layer here describes it, so it has the time of its making
      trees.put(LayerFile.read(folder).key(), tree);
    }
    return trees;
  }

  /** The store as a crash of the whole machine leaves it: in another boot than it was written. */
  private void rebootMachine(boolean synced) throws IOException {
    for (Path folder : layerFolders()) {
      Path file = folder.resolve("layer.json");
      Files.writeString(
          file, Files.readString(file).replaceFirst("\"bootId\":\"[^\"]*", "\"bootId\":\"other"));
      if (!synced) {
        Files.delete(folder.resolve("synced"));
      }
    }
  }

  /** How an index can be lost. */
  enum Loss {
    DELETED,
    GARBAGE,
    EMPTIED,
    JOURNAL_DELETED
  }

  private void lose(Loss loss) throws IOException {
    Path meta = dir.resolve("meta");
    for (String name : List.of("journal", "snapshot")) {
      Path file = meta.resolve(name);
      if (Files.exists(file)) {
        switch (loss) {
          case DELETED -> Files.delete(file);
          case GARBAGE -> Files.writeString(file, "garbage".repeat(1000));
          case EMPTIED -> Files.write(file, new byte[0]);
          case JOURNAL_DELETED -> {
            if (name.equals("journal")) {
              Files.delete(file);
            }
          }
        }
      }
    }
  }

  @Test
  void aLayerThatIsGoneKeepsNoOtherFromItsMark() throws IOException {
    pull("v1");
    images.close();
    for (Path folder : layerFolders()) {
      Files.delete(folder.resolve("synced"));
    }
    ImageLayout layout = ImageLayout.create(dir.resolve("images"));
    try (var trash = new Trash(layout)) {
      Layers layers = Layers.load(layout, trash);
      AtomicFiles.deleteTree(Layers.folderOf(layers.unsynced().getFirst()));
      try (var sync = new DiskSync(layout, layers)) {
        sync.start();
        awaitSynced();
      }
    }
    assertThat(layerFolders()).hasSize(1);
    records.close();
    open();
  }

  /** An index can be older than what lies beside it, by any number of commits and a torn one. */
  @Test
  void onEveryPrefixOfTheIndexTheStoreStartsAndHeals() throws Exception {
    Path store = dir.resolve("images");
    ImageRecord first = pull("v1");
    ImageRecord second = pull("v2");
    Map<String, Object> trees = trees();
    images.snapshots().prepare("container-1", first);
    images.snapshots().remove("container-1");
    images.remove(first.id(), Operation.internal("RemoveImage"));
    close();
    byte[] journal = Files.readAllBytes(dir.resolve("meta/journal"));
    Path kept = Files.move(store, dir.resolve("kept"));
    for (JournalCuts.Cut cut : JournalCuts.of(journal)) {
      copyTree(kept, store);
      AtomicFiles.deleteTree(dir.resolve("meta"));
      Files.write(Files.createDirectory(dir.resolve("meta")).resolve("journal"), cut.journal());
      open();

      assertThat(records.quarantined()).as(cut.toString()).isEmpty();
      assertThat(images.find(second.id()).map(ImageRecord::layers))
          .as("what is whole on the disk is there, %s", cut)
          .contains(second.layers());
      assertThat(images.find(first.id())).as(cut.toString()).isEmpty();
      assertThat(pull("v1").layers()).isEqualTo(first.layers());
      assertThat(pull("v2").layers()).isEqualTo(second.layers());
      assertThat(trees()).as(cut.toString()).isEqualTo(trees);
      for (ImageRecord image : images.list()) {
        images.remove(image.id(), Operation.internal("RemoveImage"));
      }
      images.snapshots().list().forEach(images.snapshots()::remove);
      assertThat(layerFolders()).as(cut.toString()).isEmpty();
      close();
      AtomicFiles.deleteTree(store);
    }
    open();
  }

  /** With owners, times, links and attributes. */
  private static void copyTree(Path from, Path to) throws Exception {
    var copy = new ProcessBuilder("cp", "-a", from.toString(), to.toString()).inheritIO().start();
    assertThat(copy.waitFor()).isZero();
  }

  @Test
  void keptContentThatIsDamagedIsFoundAndDropped() throws IOException {
    images.close();
    images =
        Images.open(
            dir.resolve("images"),
            records,
            RegistrySettings.of(dir.resolve("hosts")),
            new StoreSettings(true, false, List.of(), Optional.empty()));
    pull("v1");
    List<Path> blobs = ImageLayout.list(dir.resolve("images/blobs"));
    assertThat(blobs).hasSize(2);
    assertThat(images.verify("", Operation.internal("Verify")))
        .allMatch(part -> part.health() == Health.SOUND);
    try (var file = new RandomAccessFile(blobs.getFirst().toFile(), "rw")) {
      file.seek(10);
      file.write(~file.read());
    }
    String digest = "sha256:" + blobs.getFirst().getFileName();
    assertThat(images.verify("", Operation.internal("Verify")))
        .filteredOn(part -> part.health() == Health.DAMAGED)
        .singleElement()
        .satisfies(part -> assertThat(part.name()).isEqualTo(digest))
        .satisfies(part -> assertThat(part.detail()).contains("is not what its digest says"));
    assertThat(blobs.getFirst()).doesNotExist();
    assertThat(images.verify("", Operation.internal("Verify")))
        .allMatch(part -> part.health() == Health.SOUND);
  }

  @ParameterizedTest
  @EnumSource
  void aLostIndexIsMadeAnewFromWhatLiesOnDisk(Loss loss) throws IOException {
    ImageRecord removed = pull("v2");
    images.remove(removed.id(), Operation.internal("RemoveImage"));
    ImageRecord first = pull("v1");
    pull("v2");
    images.snapshots().prepare("container-1", first);
    Path written = images.snapshots().writableLayer("container-1").resolve("data");
    Files.writeString(written, "mine");
    images.remove(removed.id(), Operation.internal("RemoveImage"));
    List<ImageRecord> before = images.list();
    Map<String, Object> trees = trees();
    close();
    lose(loss);
    open();
    assertThat(images.list()).isEqualTo(before).hasSize(1);
    assertThat(images.find(registry.host() + "/app:v1")).contains(first);
    assertThat(images.snapshots().list()).containsExactly("container-1");
    assertThat(written).hasContent("mine");
    assertThat(trees()).isEqualTo(trees);
    assertThat(images.verify("", Operation.internal("Verify")))
        .allSatisfy(part -> assertThat(part.health()).isEqualTo(Health.SOUND));
    close();
    open();
    assertThat(images.list()).as("durably").isEqualTo(before);
  }

  @Test
  void aTagThatMovedIsWhereItWentAfterTheIndexWasLost() throws IOException {
    ImageRecord old = pull("v1");
    try (var pusher = new Pusher(registry)) {
      pusher.push("app", "v1", image("newer"));
    }
    ImageRecord newer = pull("v1");
    close();
    lose(Loss.DELETED);
    open();
    String name = registry.host() + "/app:v1";
    assertThat(images.find(name).map(ImageRecord::id)).hasValue(newer.id());
    assertThat(images.find(old.id()).orElseThrow().repoTags()).isEmpty();
  }

  /** What can happen to a file. */
  enum Damage {
    MISSING,
    TRUNCATED,
    CHANGED,
    MODE,
    TOO_MUCH,
    DIRECTORY_GONE,
    TORN_MANIFEST
  }

  private void damage(Path tree, Damage damage) throws IOException {
    Path file = tree.resolve("etc/base");
    FileTime modified = Files.getLastModifiedTime(file);
    FileTime directory = Files.getLastModifiedTime(tree.resolve("etc"));
    switch (damage) {
      case MISSING -> Files.delete(tree.resolve("etc/empty"));
      case TRUNCATED -> {
        try (var open = new RandomAccessFile(file.toFile(), "rw")) {
          open.setLength(100_000);
        }
      }
      case CHANGED -> {
        try (var open = new RandomAccessFile(file.toFile(), "rw")) {
          open.seek(150_000);
          open.write(1);
        }
      }
      case MODE -> Files.setAttribute(file, "unix:mode", 04755);
      case TOO_MUCH -> Files.writeString(tree.resolve("etc/more"), "");
      case DIRECTORY_GONE -> {
        Files.delete(file);
        Files.delete(tree.resolve("etc/empty"));
        Files.delete(tree.resolve("etc"));
        return;
      }
      case TORN_MANIFEST -> {
        Path manifest = tree.resolveSibling("manifest");
        Files.writeString(manifest, Files.readString(manifest).substring(0, 50));
      }
    }
    if (Files.exists(file)) {
      Files.setLastModifiedTime(file, modified);
    }
    Files.setLastModifiedTime(tree.resolve("etc"), directory);
  }

  private CheckedPart lowest(List<CheckedPart> checked, ImageRecord image) {
    return checked.stream()
        .filter(part -> part.name().equals(image.layers().getFirst()))
        .findFirst()
        .orElseThrow();
  }

  @ParameterizedTest
  @EnumSource
  void aDamagedLayerIsFoundAndFetchedAgainByTheNextPull(Damage damage) throws IOException {
    ImageRecord image = pull("v1");
    Map<String, Object> trees = trees();
    assertThat(lowest(images.verify(image.id(), Operation.internal("Verify")), image).health())
        .isEqualTo(Health.SOUND);
    damage(layerFolders().getFirst().resolve("fs"), damage);

    CheckedPart found = lowest(images.verify("", Operation.internal("Verify")), image);
    assertThat(found.health()).as(found.detail()).isEqualTo(Health.DAMAGED);
    assertThat(found.images()).containsExactly(image.id());
    assertThat(found.detail())
        .contains(
            switch (damage) {
              case TORN_MANIFEST -> "its manifest is damaged";
              case DIRECTORY_GONE -> "\".\" is";
              case MISSING -> "\"etc/empty\" is missing";
              case TRUNCATED, CHANGED, MODE -> "\"etc/base\" is";
              case TOO_MUCH -> "\"etc/more\" is too much";
            });
    assertThat(images.find(image.id())).as("not there for the kubelet").isEmpty();
    assertThat(images.list()).as("but to be removed").containsExactly(image);
    close();
    open();
    assertThat(images.find(image.id())).as("after a restart neither").isEmpty();
    assertThatThrownBy(() -> images.snapshots().prepare("c", image))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining("is damaged: pull its image again");

    pull("v1");
    assertThat(images.find(image.id())).contains(image);
    assertThat(trees()).isEqualTo(trees);
    assertThat(layerFolders()).hasSize(2);
    assertThat(images.verify("", Operation.internal("Verify")))
        .allSatisfy(part -> assertThat(part.health()).isEqualTo(Health.SOUND));
  }

  @Test
  void aDamagedLayerStaysForTheContainerThatRunsOnIt() throws IOException {
    ImageRecord image = pull("v1");
    images.snapshots().prepare("container-1", image);
    Path layer = layerFolders().getFirst();
    damage(layer.resolve("fs"), Damage.CHANGED);
    images.verify("", Operation.internal("Verify"));
    pull("v1");
    assertThat(layer.resolve("fs/etc/base")).exists();
    close();
    open();
    assertThat(layer.resolve("fs/etc/base")).exists();
    images.snapshots().remove("container-1");
    assertThat(layer).doesNotExist();
    assertThat(images.find(image.id())).contains(image);
  }

  @Test
  void onlyWhatWasInFlightWhenTheMachineWentDownIsLookedAt() throws IOException {
    ImageRecord image = pull("v1");
    close();
    rebootMachine(false);
    open();
    assertThat(images.list()).as("whole after all").containsExactly(image);
    close();
    rebootMachine(true);
    damage(layerFolders().getFirst().resolve("fs"), Damage.CHANGED);
    open();
    assertThat(images.list()).as("known to be on the disk, not read").containsExactly(image);
  }

  @ParameterizedTest
  @EnumSource
  void whatWasTornWhenTheMachineWentDownIsDroppedAndComesBack(Damage damage) throws IOException {
    ImageRecord image = pull("v1");
    Map<String, Object> trees = trees();
    close();
    rebootMachine(false);
    damage(layerFolders().getFirst().resolve("fs"), damage);
    open();
    assertThat(images.list()).isEmpty();
    assertThat(pull("v1").layers()).isEqualTo(image.layers());
    assertThat(trees()).isEqualTo(trees);
  }

  @ParameterizedTest
  @ValueSource(strings = {"layer.json", "image.json", "manifest", "snapshot.json", "synced"})
  void aFileOfTheStoreThatWasTornCostsAtMostItsImage(String name) throws IOException {
    ImageRecord image = pull("v1");
    images.snapshots().prepare("container-1", image);
    Map<String, Object> trees = trees();
    close();
    try (var files = Files.walk(dir.resolve("images"))) {
      for (Path file : files.filter(path -> path.endsWith(name)).toList()) {
        byte[] content = Files.readAllBytes(file);
        Files.writeString(file, new String(content, UTF_8).substring(0, content.length / 2));
      }
    }
    open();
    pull("v1");
    assertThat(images.list()).hasSize(1);
    assertThat(images.snapshots().list()).containsExactly("container-1");
    assertThat(trees()).isEqualTo(trees);
  }
}
