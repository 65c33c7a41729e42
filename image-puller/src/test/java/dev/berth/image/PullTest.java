package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.oci.Platform;
import dev.berth.image.registry.Credentials;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.HostFiles;
import dev.berth.image.testing.Pusher;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.testing.TokenServer;
import dev.berth.image.unpack.Tars;
import dev.berth.image.unpack.TreeDump;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.assertj.core.api.AbstractThrowableAssert;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Pulls from a real registry and looks at what a container would see. */
@RequiresRoot
class PullTest {
  @TempDir Path dir;
  private DockerRegistry registry;
  private Pusher pusher;
  private MetadataStore records;
  private Images images;

  @BeforeEach
  void start() throws IOException {
    registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")));
    pusher = new Pusher(registry);
    open();
  }

  private void open() {
    records = MetadataStore.open(dir.resolve("meta"));
    images = Images.open(dir.resolve("images"), records, dir.resolve("hosts"));
  }

  private void reopen() {
    closeStore();
    open();
  }

  private void closeStore() {
    images.close();
    records.close();
  }

  @AfterEach
  void stop() {
    closeStore();
    pusher.close();
    registry.close();
  }

  private ImageRecord pull(String name) {
    return pull(name, Credentials.none());
  }

  private ImageRecord pull(String name, Credentials credentials) {
    return images.pull(
        ImageReference.parse(registry.host() + "/" + name),
        credentials,
        Operation.start("PullImage", Duration.ofSeconds(60), null));
  }

  private static TestImage small(Compression compression) {
    return new TestImage()
        .layer(
            new Tars()
                .directory("./", 0751)
                .directory("etc")
                .directory("tmp", 01777)
                .file("etc/passwd", "root:x:0:0::/root:/bin/sh\n")
                .file("etc/gone", "x")
                .bytes(),
            compression)
        .layer(
            new Tars()
                .directory("etc")
                .file("etc/.wh.gone", "")
                .file("etc/motd", "welcome")
                .bytes(),
            compression);
  }

  /** Mounts a snapshot with mount(8), as containerd's shims do, and dumps it. */
  private Map<String, String> mounted(PreparedRootfs rootfs) throws Exception {
    Path target = Files.createTempDirectory(dir, "mnt");
    MountSpec mount = rootfs.mounts().getFirst();
    run(
        "mount",
        "-t",
        mount.type(),
        "-o",
        String.join(",", mount.options()),
        mount.source(),
        target.toString());
    try {
      return TreeDump.of(target);
    } finally {
      run("umount", target.toString());
    }
  }

  private static void run(String... command) throws Exception {
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as("%s: %s", List.of(command), output).isZero();
  }

  @ParameterizedTest
  @EnumSource(Compression.class)
  void anImageIsPulledAndMounted(Compression compression) throws Exception {
    Digest digest = pusher.push("app", "v1", small(compression));
    ImageRecord image = pull("app:v1");
    assertThat(image.id()).isEqualTo(Digest.ofSha256(small(compression).configBlob()).toString());
    assertThat(image.repoTags()).containsExactly(registry.host() + "/app:v1");
    assertThat(image.repoDigests()).containsExactly(registry.host() + "/app@" + digest);
    assertThat(image.config().cmd()).containsExactly("/bin/sh");
    assertThat(image.sizeBytes()).isPositive();
    assertThat(images.list()).containsExactly(image);

    PreparedRootfs rootfs = images.snapshots().prepare("container-1", image);
    Map<String, String> tree = mounted(rootfs);
    assertThat(tree.keySet()).containsExactly(".", "etc", "etc/motd", "etc/passwd", "tmp");
    assertThat(tree.get(".")).startsWith("040751 0:0");
    assertThat(tree.get("tmp")).startsWith("041777 0:0");
    assertThat(images.readFile(image, "/etc/passwd", 1 << 20).map(b -> new String(b, UTF_8)))
        .hasValue("root:x:0:0::/root:/bin/sh\n");
    assertThat(images.readFile(image, "/etc/gone", 1 << 20)).isEmpty();
    assertThat(mounted(images.snapshots().view("view-1", image))).isEqualTo(tree);
  }

  @Test
  void aLayerWithOnlyAFileInTmpLeavesTmpAsItWas() throws Exception {
    pusher.push(
        "sticky",
        "latest",
        new TestImage()
            .layer(new Tars().directory("tmp", 01777).bytes(), Compression.GZIP)
            .layer(new Tars().file("tmp/x", "x").bytes(), Compression.GZIP));
    ImageRecord image = pull("sticky");
    assertThat(image.layers().get(0)).startsWith("diff:");
    assertThat(image.layers().get(1)).startsWith("chain:");
    Map<String, String> tree = mounted(images.snapshots().prepare("c", image));
    assertThat(tree.get("tmp")).startsWith("041777 0:0 2023-11-14");
    assertThat(tree).containsKey("tmp/x");
  }

  @Test
  void namesFindTheImageInEveryForm() {
    Digest digest = pusher.push("app", "v1", small(Compression.GZIP));
    pusher.push("app", "v2", small(Compression.GZIP));
    pusher.push("other/app", "latest", small(Compression.GZIP));
    ImageRecord first = pull("app:v1");
    String host = registry.host();
    assertThat(pull("app@" + digest).repoTags()).containsExactly(host + "/app:v1");
    pull("app:v2");
    ImageRecord image = pull("other/app");
    assertThat(image.id()).isEqualTo(first.id());
    assertThat(images.list()).containsExactly(image);
    assertThat(image.repoTags())
        .containsExactly(host + "/app:v1", host + "/app:v2", host + "/other/app:latest");
    assertThat(image.repoDigests())
        .containsExactly(host + "/app@" + digest, host + "/other/app@" + digest);
    String hex = image.id().substring("sha256:".length());
    for (String name :
        List.of(
            image.id(),
            hex,
            hex.substring(0, 12),
            "sha256:" + hex.substring(0, 12),
            host + "/app:v1",
            host + "/app:v1@" + digest,
            host + "/app@" + digest,
            host + "/other/app")) {
      assertThat(images.find(name)).as(name).contains(image);
    }
    for (String name :
        List.of(host + "/app", host + "/app:v3", "app:v1", "0".repeat(64), "..", "")) {
      assertThat(images.find(name)).as(name).isEmpty();
    }
  }

  @Test
  void aPullByDigestGivesNoTag() {
    Digest digest = pusher.push("app", "v1", small(Compression.GZIP));
    ImageRecord image = pull("app@" + digest);
    assertThat(image.repoTags()).isEmpty();
    assertThat(image.repoDigests()).containsExactly(registry.host() + "/app@" + digest);
  }

  @Test
  void aTagThatMovesLeavesItsOldImage() {
    pusher.push("app", "v1", small(Compression.GZIP));
    ImageRecord old = pull("app:v1");
    pusher.push("app", "v1", small(Compression.GZIP).config("{\"Cmd\": [\"/other\"]}"));
    ImageRecord now = pull("app:v1");
    assertThat(now.id()).isNotEqualTo(old.id());
    assertThat(images.find(old.id()).orElseThrow().repoTags()).isEmpty();
    assertThat(images.find(registry.host() + "/app:v1")).contains(now);
  }

  @Test
  void theImageForThisPlatformIsTakenFromAnIndex() {
    Digest index =
        pusher.pushIndex(
            "multi",
            "latest",
            small(Compression.GZIP).architecture("s390x"),
            small(Compression.GZIP));
    ImageRecord image = pull("multi");
    assertThat(image.id())
        .isEqualTo(Digest.ofSha256(small(Compression.GZIP).configBlob()).toString());
    assertThat(image.repoDigests()).containsExactly(registry.host() + "/multi@" + index);
  }

  @Test
  void anImageForOtherPlatformsOnlyIsOneClearError() {
    pusher.pushIndex("foreign", "latest", small(Compression.GZIP).architecture("s390x"));
    pusher.push("single", "latest", small(Compression.GZIP).architecture("riscv64"));
    String host = Platform.host().toString();
    assertFails("foreign", BerthException.Kind.NOT_FOUND)
        .hasMessage(
            "pull %s/foreign:latest: no image for %s, only linux/s390x"
                .formatted(registry.host(), host));
    assertFails("single", BerthException.Kind.NOT_FOUND)
        .hasMessageEndingWith("no image for " + host + ", only linux/riscv64");
    assertNothingLeft();
  }

  private AbstractThrowableAssert<?, ?> assertFails(String name, BerthException.Kind kind) {
    return assertThatThrownBy(() -> pull(name))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).as("%s", e).isEqualTo(kind));
  }

  private void assertNothingLeft() {
    assertThat(images.list()).isEmpty();
    Await.until(
        "the store is empty",
        Duration.ofSeconds(10),
        () ->
            HostFiles.below(dir.resolve("images"))
                .equals(
                    List.of("", "blobs", "content", "layers", "partial", "snapshots", "staging")));
  }

  @Test
  void missingImagesAndRegistriesSayWhichAndWhy() {
    pusher.push("app", "v1", small(Compression.GZIP));
    assertFails("app:v9", BerthException.Kind.NOT_FOUND)
        .hasMessage(
            "pull %1$s/app:v9: registry %1$s: fetch manifest v9 of app: status 404 (MANIFEST_UNKNOWN)"
                .formatted(registry.host()));
    registry.close();
    assertFails("app:v1", BerthException.Kind.KUBELET_REASON)
        .hasMessageStartingWith(
            "RegistryUnavailable: pull %1$s/app:v1: registry %1$s: fetch manifest v1 of app: "
                .formatted(registry.host()));
    assertNothingLeft();
  }

  @Test
  void removingByAnyNameRemovesTheImageAndItsLayersGoWithTheirLastUser() {
    pusher.push("app", "v1", small(Compression.GZIP));
    pusher.push("app", "v2", small(Compression.GZIP));
    pull("app:v1");
    ImageRecord image = pull("app:v2");
    images.snapshots().prepare("c", image);
    images.remove(registry.host() + "/app:v1", Operation.internal("RemoveImage"));
    images.remove(registry.host() + "/app:v1", Operation.internal("RemoveImage"));
    images.remove("0".repeat(64), Operation.internal("RemoveImage"));
    assertThat(images.list()).isEmpty();
    assertThat(images.find(image.id())).isEmpty();
    assertThat(Files.exists(dir.resolve("images/layers/1/fs"))).isTrue();
    reopen();
    assertThat(images.list()).isEmpty();
    assertThat(images.snapshots().list()).containsExactly("c");
    images.snapshots().remove("c");
    images.snapshots().remove("c");
    assertNothingLeft();
  }

  @Test
  void everythingSurvivesARestart() throws Exception {
    pusher.push("app", "v1", small(Compression.GZIP));
    ImageRecord image = pull("app:v1");
    Map<String, String> tree = mounted(images.snapshots().prepare("c", image));
    FsUsage usage = images.usage();
    Files.createDirectories(dir.resolve("images/staging/left-by-a-crash/fs"));
    Files.createDirectories(dir.resolve("images/snapshots/left-by-a-crash/fs"));
    Files.createDirectories(dir.resolve("images/layers/99/fs"));
    reopen();
    assertThat(images.list()).containsExactly(image);
    assertThat(images.usage().usedBytes()).isEqualTo(usage.usedBytes()).isPositive();
    assertThat(images.usage().inodesUsed()).isEqualTo(usage.inodesUsed()).isPositive();
    assertThat(mounted(images.snapshots().prepare("c", image))).isEqualTo(tree);
    assertThat(dir.resolve("images/staging")).isEmptyDirectory();
    assertThat(dir.resolve("images/layers/99")).doesNotExist();
    assertThat(dir.resolve("images/snapshots/left-by-a-crash")).doesNotExist();
  }

  @Test
  void layersThatMayHaveLostDataInAPowerFailureAreDroppedWithTheirImage() throws IOException {
    pusher.push("app", "v1", small(Compression.GZIP));
    ImageRecord image = pull("app:v1");
    Path layer = dir.resolve("images/layers/1");
    Await.until("synced", Duration.ofSeconds(30), () -> Files.exists(layer.resolve("synced")));
    reopen();
    assertThat(images.list()).containsExactly(image);
    closeStore();
    Path file = layer.resolve("layer.json");
    Files.writeString(
        file, Files.readString(file).replaceFirst("\"bootId\":\"[^\"]*\"", "\"bootId\":\"other\""));
    open();
    assertThat(images.list()).as("synced before the other boot").containsExactly(image);
    closeStore();
    Files.delete(layer.resolve("synced"));
    Files.delete(layer.resolve("manifest"));
    open();
    assertThat(images.list()).isEmpty();
    assertThat(pull("app:v1").id()).isEqualTo(image.id());
  }

  @Test
  void passwordsAreSentToWhoAsksForThem() {
    pusher.push("private", "v1", small(Compression.GZIP));
    try (var locked = DockerRegistry.startWithPassword(dir.resolve("registry"))) {
      var reference = ImageReference.parse(locked.host() + "/private:v1");
      var operation = Operation.internal("PullImage");
      for (Credentials wrong : List.of(Credentials.none(), Credentials.basic("berth", "wrong"))) {
        assertThatThrownBy(() -> images.pull(reference, wrong, operation))
            .hasMessageContaining("status 401 (UNAUTHORIZED), not authorized");
      }
      assertThat(images.pull(reference, Credentials.basic("berth", "secret"), operation))
          .isEqualTo(images.list().getFirst());
      assertThatThrownBy(() -> images.pull(reference, Credentials.none(), operation))
          .as("authorised anew though the image is present")
          .hasMessageContaining("not authorized");
      var elsewhere = Credentials.of("berth", "secret", "", "https://other.example", "", "");
      assertThatThrownBy(() -> images.pull(reference, elsewhere, operation))
          .hasMessageContaining("not authorized");
    }
  }

  @Test
  void tokensAreFetchedFromTheServerThatTheRegistryNames() {
    pusher.push("team/private", "v1", small(Compression.GZIP));
    try (var tokens = TokenServer.start(dir);
        var locked = DockerRegistry.startWithTokens(dir.resolve("registry"), tokens)) {
      var reference = ImageReference.parse(locked.host() + "/team/private:v1");
      var operation = Operation.internal("PullImage");
      assertThatThrownBy(() -> images.pull(reference, Credentials.none(), operation))
          .hasMessageContaining("status 401");
      assertThatThrownBy(
              () -> images.pull(reference, Credentials.basic("berth", "wrong"), operation))
          .hasMessageContaining("fetch token of team/private: status 401");
      images.pull(reference, Credentials.basic("berth", "secret"), operation);
      images.pull(reference, Credentials.of("", "", "", "", "refresh-me", ""), operation);
      assertThat(tokens.requests())
          .anyMatch(r ->
              r.startsWith(
                  "GET service=test-service&scope=repository%3Ateam%2Fprivate%3Apull Basic "))
          .anyMatch(r -> r.startsWith("POST grant_type=refresh_token&"));
    }
  }

  @Test
  void aDeadlineThatIsOverGivesNoImage() {
    pusher.push("app", "v1", small(Compression.GZIP));
    assertThatThrownBy(() ->
            images.pull(
                ImageReference.parse(registry.host() + "/app:v1"),
                Credentials.none(),
                Operation.start("PullImage", Duration.ofNanos(1), null)))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.DEADLINE_EXCEEDED));
    assertNothingLeft();
  }

  @Test
  void hostileLayersAreRefusedByNameAndLeaveNothing() {
    byte[] good = new Tars().file("a", "x").bytes();
    Map<String, TestImage> hostile =
        Map.of(
            "entry \"../escape\": the path has a \"..\"",
            new TestImage().layer(new Tars().file("../escape", "x").bytes(), Compression.GZIP),
            "entry \"l/escape\": the path leads through the symbolic link \"l\"",
            new TestImage()
                .layer(
                    new Tars().symlink("l", dir.toString()).file("l/escape", "x").bytes(),
                    Compression.ZSTD),
            "the uncompressed content has digest " + Digest.ofSha256(good) + ", not sha256:",
            new TestImage()
                .layer(
                    TestImage.gzip(good),
                    MediaTypes.OCI_LAYER + "+gzip",
                    Digest.ofSha256("something else")),
            "neither this layer nor those below have its target \"nowhere\"",
            new TestImage().layer(new Tars().hardLink("l", "nowhere").bytes(), Compression.NONE),
            "not a valid gzip stream: ",
            new TestImage()
                .layer(
                    Arrays.copyOf(TestImage.gzip(good), 30),
                    MediaTypes.OCI_LAYER + "+gzip",
                    Digest.ofSha256(good)));
    hostile.forEach((message, image) -> {
      pusher.push("hostile", "latest", image);
      assertFails("hostile", BerthException.Kind.INVALID_ARGUMENT)
          .hasMessageStartingWith("pull " + registry.host() + "/hostile:latest: layer sha256:")
          .hasMessageContaining(message);
      assertNothingLeft();
    });
    assertThat(dir.resolve("escape")).doesNotExist();
  }
}
