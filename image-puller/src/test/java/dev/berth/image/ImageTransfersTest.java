package dev.berth.image;

import static dev.berth.image.testing.Programs.run;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.Pusher;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.image.unpack.TreeDump;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Images go out and come in, by our own hands and by those of skopeo and umoci. */
@RequiresRoot
class ImageTransfersTest {
  @TempDir Path dir;
  private DockerRegistry registry;
  private Pusher pusher;
  private MetadataStore records;
  private Images images;
  private int stores;

  @BeforeEach
  void start() throws IOException {
    registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")));
    pusher = new Pusher(registry);
    open(true);
  }

  /** Opens an empty store. */
  private void open(boolean keepContent) {
    stores++;
    records = MetadataStore.open(dir.resolve("meta" + stores));
    images =
        Images.open(
            dir.resolve("images" + stores),
            records,
            RegistrySettings.of(dir.resolve("hosts")),
            new StoreSettings(keepContent, false, List.of(), Optional.empty()));
  }

  private void another(boolean keepContent) {
    close();
    open(keepContent);
  }

  private void close() {
    images.close();
    records.close();
  }

  @AfterEach
  void stop() {
    close();
    pusher.close();
    registry.close();
  }

  private static byte[] noise(int seed) {
    byte[] noise = new byte[700_000];
    new Random(seed).nextBytes(noise);
    return noise;
  }

  private static TestImage image(Compression compression) {
    return new TestImage()
        .layer(
            new Tars()
                .directory("./", 0755)
                .directory("etc")
                .file("etc/gone", "x")
                .file("etc/noise", 0640, noise(1))
                .bytes(),
            compression)
        .layer(
            new Tars().directory("etc").file("etc/.wh.gone", "").file("etc/a", "a").bytes(),
            compression);
  }

  private static Operation operation() {
    return Operation.internal("Test");
  }

  private ImageRecord pull(String name) {
    return pull(name, Credentials.none());
  }

  private ImageRecord pull(String name, Credentials credentials) {
    return images.pull(
        ImageReference.parse(registry.host() + "/" + name), credentials, operation());
  }

  private Path save(ImageRecord image, ArchiveFormat format) {
    Path target = dir.resolve("saved-" + format);
    images.transfers().save(List.of(image.id()), target, format, Credentials.none(), operation());
    return target;
  }

  /** Long content by its digest; a whiteout has no time of its own. */
  private static String brief(String looks) {
    if (looks.startsWith("020600")) {
      return "whiteout";
    }
    return looks.length() < 1000 ? looks : Digest.ofSha256(looks).toString();
  }

  private Map<String, Object> trees(ImageRecord image) {
    Map<String, Object> trees = new TreeMap<>();
    try {
      for (Path folder : ImageLayout.list(dir.resolve("images" + stores + "/layers"))) {
        Map<String, String> tree = TreeDump.of(folder.resolve("fs"));
        tree.remove(".");
        tree.replaceAll((_, looks) -> brief(looks));
        trees.put(LayerFile.read(folder).key(), tree);
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    assertThat(trees.keySet()).containsAll(image.layers());
    return trees;
  }

  @ParameterizedTest
  @EnumSource
  void whatIsSavedIsReadByOthersAndByUs(ArchiveFormat format) throws IOException {
    Digest digest = pusher.push("app", "v1", image(Compression.GZIP));
    ImageRecord image = pull("app:v1");
    Map<String, Object> trees = trees(image);
    registry.close(); // all that is needed was kept
    Path saved = save(image, format);

    String transport =
        switch (format) {
          case OCI_DIRECTORY -> "oci:" + saved + ":v1";
          case OCI_ARCHIVE -> "oci-archive:" + saved + ":v1";
          case DOCKER_ARCHIVE -> "docker-archive:" + saved;
        };
    Path layout = dir.resolve("by-skopeo");
    run("skopeo", "copy", transport, "oci:" + layout + ":copied");
    assertThat(run("skopeo", "inspect", "--config", "--raw", transport))
        .isEqualTo(new String(image(Compression.GZIP).configBlob(), UTF_8));
    Path bundle = dir.resolve("bundle");
    run("umoci", "unpack", "--image", layout + ":copied", bundle.toString());
    assertThat(TreeDump.of(bundle.resolve("rootfs")).keySet())
        .containsExactly(".", "etc", "etc/a", "etc/noise");

    another(false);
    ImageRecord loaded = images.transfers().load(saved, operation()).getFirst();
    assertThat(loaded.id()).isEqualTo(image.id());
    assertThat(loaded.repoTags()).isEqualTo(image.repoTags());
    assertThat(trees(loaded)).isEqualTo(trees);
    if (format != ArchiveFormat.DOCKER_ARCHIVE) {
      assertThat(loaded.repoDigests()).containsExactly(registry.host() + "/app@" + digest);
      assertThat(loaded.sizeBytes()).isEqualTo(image.sizeBytes());
    }
    Path again = dir.resolve("again");
    images
        .transfers()
        .save(
            List.of(loaded.id()),
            again,
            ArchiveFormat.OCI_ARCHIVE,
            Credentials.none(),
            operation());
    assertThat(run("skopeo", "inspect", "--format", "{{.Layers}}", "oci-archive:" + again))
        .contains(image(Compression.GZIP).layers().getFirst().digest().toString());
  }

  @ParameterizedTest
  @CsvSource({
    "docker-archive, NONE",
    "docker-archive, GZIP",
    "oci-archive, GZIP",
    "oci-archive, ZSTD",
    "oci, NONE",
    "oci, ZSTD"
  })
  void whatSkopeoSavesIsLoaded(String transport, Compression compression) {
    pusher.push("app", "v1", image(compression));
    Path saved = dir.resolve("saved");
    String name = "example.org/app:v1";
    run(
        "skopeo",
        "copy",
        "--src-tls-verify=false",
        "docker://" + registry.host() + "/app:v1",
        transport + ":" + saved + ":" + name);
    ImageRecord loaded = images.transfers().load(saved, operation()).getFirst();
    assertThat(loaded.repoTags()).containsExactly(name);
    assertThat(loaded.layers()).hasSize(2);
    assertThat(images.readFile(loaded, "/etc/a", 10)).hasValue(new byte[] {'a'});
    assertThat(images.readFile(loaded, "/etc/gone", 10)).isEmpty();
    if (compression == Compression.GZIP && transport.equals("oci-archive")) {
      assertThat(loaded.id())
          .isEqualTo(Digest.ofSha256(image(compression).configBlob()).toString());
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"gzip", "zstd"})
  void aCompressedArchiveIsLoaded(String compressor) {
    pusher.push("app", "v1", image(Compression.NONE));
    ImageRecord image = pull("app:v1");
    Path saved = save(image, ArchiveFormat.DOCKER_ARCHIVE);
    run(compressor, "--force", "--keep", saved.toString());
    Path compressed =
        saved.resolveSibling(saved.getFileName() + (compressor.equals("gzip") ? ".gz" : ".zst"));
    another(false);
    ImageRecord loaded = images.transfers().load(compressed, operation()).getFirst();
    assertThat(loaded.id()).isEqualTo(image.id());
    assertThat(dir.resolve("images" + stores + "/staging")).isEmptyDirectory();
  }

  @Test
  void anImageThatUmociMadeIsLoadedAndPushed() throws IOException {
    Path layout = dir.resolve("umoci");
    Path source = Files.createDirectories(dir.resolve("source/bin"));
    Files.writeString(source.resolve("tool"), "#!tool");
    run("umoci", "init", "--layout", layout.toString());
    String name = layout + ":mine";
    run("umoci", "new", "--image", name);
    run("umoci", "insert", "--image", name, source.toString(), "/bin");
    run("umoci", "config", "--image", name, "--config.cmd", "/bin/tool");
    ImageRecord loaded = images.transfers().load(layout, operation()).getFirst();
    assertThat(loaded.repoTags()).as("a tag alone names nothing").isEmpty();
    assertThat(loaded.config().cmd()).containsExactly("/bin/tool");
    assertThat(images.readFile(loaded, "/bin/tool", 100)).hasValue("#!tool".getBytes(UTF_8));

    ImageReference target = ImageReference.parse(registry.host() + "/made/by-umoci:v1");
    assertThat(images.tag(loaded.id(), target).repoTags()).containsExactly(target.toString());
    images.transfers().push(target.toString(), target, Credentials.none(), operation());
    assertThat(run("skopeo", "inspect", "--tls-verify=false", "--config", "docker://" + target))
        .contains("/bin/tool");
    another(false);
    assertThat(pull("made/by-umoci:v1").id()).isEqualTo(loaded.id());
  }

  @Test
  void whatWasNotKeptIsFetchedByDigest() throws IOException {
    another(false);
    pusher.push("app", "v1", image(Compression.GZIP));
    ImageRecord image = pull("app:v1");
    pusher.push("app", "v1", image(Compression.ZSTD)); // the tag has moved on
    Path saved = save(image, ArchiveFormat.OCI_ARCHIVE);
    assertThat(run("skopeo", "inspect", "--format", "{{.Layers}}", "oci-archive:" + saved))
        .contains(image(Compression.GZIP).layers().getFirst().digest().toString());
    Files.delete(saved);
    registry.close();
    assertThatThrownBy(() -> save(image, ArchiveFormat.OCI_ARCHIVE))
        .isInstanceOf(BerthException.class)
        .hasMessageContaining(
            "fetch layer " + image(Compression.GZIP).layers().getFirst().digest());
    assertThat(saved).doesNotExist();
    try (var left = Files.list(dir)) {
      assertThat(left.map(path -> path.getFileName().toString()))
          .noneMatch(name -> name.contains(".berth-"));
    }
  }

  @Test
  void keptContentThatWasDamagedIsFetchedAnew() throws IOException {
    pusher.push("app", "v1", image(Compression.GZIP));
    ImageRecord image = pull("app:v1");
    Path blob =
        dir.resolve("images" + stores + "/blobs")
            .resolve(image(Compression.GZIP).layers().getFirst().digest().hex());
    byte[] bytes = Files.readAllBytes(blob);
    bytes[1000]++;
    Files.write(blob, bytes);
    Path saved = save(image, ArchiveFormat.OCI_DIRECTORY);
    assertThat(blob).doesNotExist();
    run("skopeo", "copy", "oci:" + saved + ":v1", "dir:" + dir.resolve("copied"));
    assertThatThrownBy(() -> save(image, ArchiveFormat.OCI_DIRECTORY))
        .hasMessageContaining("exists already");
  }

  @Test
  void aPushSendsOnlyWhatIsNotThere() throws IOException {
    Digest digest = pusher.push("app", "v1", image(Compression.GZIP));
    ImageRecord image = pull("app:v1");
    ImageReference sibling = ImageReference.parse(registry.host() + "/team/copy:v2");
    assertThat(images.transfers().push(image.id(), sibling, Credentials.none(), operation()))
        .as("mounted from the other repository")
        .isZero();
    assertThat(run("skopeo", "inspect", "--tls-verify=false", "docker://" + sibling))
        .contains(digest.toString());

    try (var locked =
        DockerRegistry.startWithPassword(Files.createDirectory(dir.resolve("locked")))) {
      ImageReference target = ImageReference.parse(locked.host() + "/app:v1");
      assertThatThrownBy(
              () -> images.transfers().push(image.id(), target, Credentials.none(), operation()))
          .hasMessageContaining("not authorized");
      Credentials secret = Credentials.basic("berth", "secret");
      assertThat(images.transfers().push(image.id(), target, secret, operation()))
          .isGreaterThan(700_000);
      assertThat(images.transfers().push(image.id(), target, secret, operation())).isZero();
      another(false);
      assertThat(images.pull(target, secret, operation()).id()).isEqualTo(image.id());
      assertThat(images.transfers().explain(target, secret, operation()).getFirst().toString())
          .contains("plain HTTP", "a password of berth", "asks for basic", "200 " + digest)
          .doesNotContain("secret");
    }
  }

  @Test
  void nonsenseIsRefusedByName() throws IOException {
    Path text = Files.writeString(dir.resolve("text"), "no archive");
    Path empty = Files.createDirectory(dir.resolve("empty"));
    assertThatThrownBy(() -> images.transfers().load(dir.resolve("none"), operation()))
        .hasMessageContaining("no file");
    assertThatThrownBy(() -> images.transfers().load(text, operation()))
        .isInstanceOf(BerthException.class);
    assertThatThrownBy(() -> images.transfers().load(empty, operation()))
        .hasMessageContaining("neither an index.json nor a manifest.json");
    Path evil = Files.createDirectory(dir.resolve("evil"));
    Files.writeString(
        evil.resolve("manifest.json"),
        "[{\"Config\": \"../text\", \"RepoTags\": null, \"Layers\": []}]");
    assertThatThrownBy(() -> images.transfers().load(evil, operation()))
        .hasMessageContaining("the archive has no file ../text");
    assertThatThrownBy(() -> images.tag("nobody", ImageReference.parse("a:b")))
        .hasMessageContaining("no image nobody is present");
    assertThat(dir.resolve("images" + stores + "/staging")).isEmptyDirectory();
  }
}
