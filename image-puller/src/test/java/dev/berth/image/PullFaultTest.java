package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.testing.CutProxy;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.HostFiles;
import dev.berth.image.testing.Pusher;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.image.unpack.TreeDump;
import dev.berth.testing.Await;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Random;
import java.util.TreeMap;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Fails a pull in every stage: nothing may be left but a file to resume from. */
@RequiresRoot
class PullFaultTest {
  private static final Duration LIMIT = Duration.ofSeconds(20);

  /** Set for this module's tests in its pom. */
  private static final Path FAULTS = Path.of(System.getProperty("berth.fault.file"));

  @TempDir Path dir;
  private DockerRegistry registry;
  private MetadataStore records;
  private Images images;

  @BeforeEach
  void start() throws IOException {
    Files.deleteIfExists(FAULTS);
    registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")));
    try (var pusher = new Pusher(registry)) {
      pusher.push("app", "v1", image());
    }
    open();
  }

  private static TestImage image() {
    byte[] noise = new byte[3 << 20];
    new Random(5).nextBytes(noise);
    return new TestImage()
        .layer(new Tars().directory("tmp", 01777).bytes(), Compression.GZIP)
        .layer(new Tars().file("tmp/implicit", "x").bytes(), Compression.GZIP)
        .layer(new Tars().file("noise", 0644, noise).bytes(), Compression.GZIP);
  }

  private void open() {
    records = MetadataStore.open(dir.resolve("meta"));
    images = Images.open(dir.resolve("images"), records, dir.resolve("hosts"));
  }

  private void closeStore() {
    images.close();
    records.close();
  }

  @AfterEach
  void stop() throws IOException {
    Files.deleteIfExists(FAULTS);
    closeStore();
    registry.close();
  }

  private ImageRecord pull(Operation operation) {
    return pull(registry.host(), operation);
  }

  private ImageRecord pull(String host, Operation operation) {
    return images.pull(ImageReference.parse(host + "/app:v1"), Credentials.none(), operation);
  }

  private void assertNothingLeft() {
    assertThat(images.list()).isEmpty();
    Await.until(
        "nothing is left",
        LIMIT,
        () ->
            HostFiles.below(dir.resolve("images")).stream()
                .filter(path -> !path.startsWith("partial/"))
                .toList()
                .equals(
                    List.of("", "blobs", "content", "layers", "partial", "snapshots", "staging")));
    assertThat(records.all(ImageStore.BUCKET)).isEmpty();
  }

  @ParameterizedTest
  @EnumSource
  void aFailureInAnyStageLeavesNothing(PullStage stage) throws IOException {
    for (String action : List.of("fail", "disk-full")) {
      Files.writeString(FAULTS, "PullImage." + stage + " " + action + "\n");
      assertThatThrownBy(() -> pull(Operation.internal("PullImage")))
          .isInstanceOf(BerthException.class)
          .hasMessageContaining("fault injected at PullImage." + stage);
      Files.delete(FAULTS);
      assertNothingLeft();
    }
    assertThat(pull(Operation.internal("PullImage")).layers()).hasSize(3);
  }

  @ParameterizedTest
  @EnumSource(names = {"FETCH_LAYER", "UNPACK", "COMMIT"})
  void aLayerThatHangsCostsOnlyTheCallersTime(PullStage stage) throws IOException {
    Files.writeString(FAULTS, "PullImage." + stage + " hang\n");
    assertThatThrownBy(() -> pull(Operation.start("PullImage", Duration.ofMillis(500), null)))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.DEADLINE_EXCEEDED));
    Files.delete(FAULTS);
    assertNothingLeft();
  }

  @ParameterizedTest
  @EnumSource
  void aProcessKilledInAnyStageLeavesWhatTheNextStartSweeps(PullStage stage) throws Exception {
    closeStore();
    Path faults = Files.writeString(dir.resolve("faults"), "PullImage." + stage + " halt\n");
    Process process = startPuller(faults);
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(output).isEqualTo(137);
    open();
    assertNothingLeft();
    assertThat(pull(Operation.internal("PullImage")).layers()).hasSize(3);
  }

  private Process startPuller(Path faults) throws IOException {
    return Puller.start(dir, registry.host() + "/app:v1", "-Dberth.fault.file=" + faults);
  }

  /** What every layer holds, whatever it is called. */
  private Map<String, Object> trees() throws IOException {
    Map<String, Object> trees = new TreeMap<>();
    for (Path folder : ImageLayout.list(dir.resolve("images/layers"))) {
      Map<String, String> tree = TreeDump.of(folder.resolve("fs"));
      tree.remove("."); // no layer here describes it, so it has the time of its making
      trees.put(LayerFile.read(folder).key(), tree);
    }
    return trees;
  }

  /**
   * Kills a pull with SIGKILL when so many files are there, then does to the youngest one what a
   * power cut does, and to every layer that not all of it is known to be on the disk.
   */
  @ParameterizedTest
  @ValueSource(ints = {1, 4, 8, 12, 16, 20, 24})
  void afterAPullKilledAnywhereAndATornWriteTheNextOneEqualsAFreshOne(int files) throws Exception {
    ImageRecord fresh = pull(Operation.internal("PullImage"));
    Map<String, Object> expected = trees();
    images.remove(fresh.id(), Operation.internal("RemoveImage"));
    assertNothingLeft();
    closeStore();

    Process process = startPuller(dir.resolve("faults"));
    Await.until(
        "the pull has come so far",
        LIMIT,
        () -> !process.isAlive() || HostFiles.below(dir.resolve("images")).size() >= 6 + files);
    process.destroyForcibly().waitFor();
    tearYoungestFile();
    for (Path folder : ImageLayout.list(dir.resolve("images/layers"))) {
      Path file = folder.resolve("layer.json");
      Files.writeString(
          file, Files.readString(file).replaceFirst("\"bootId\":\"[^\"]*", "\"bootId\":\"other"));
    }

    open();
    assertThat(images.verify("", Operation.internal("Verify")))
        .noneMatch(part -> part.health() == CheckedPart.Health.DAMAGED);
    ImageRecord image = pull(Operation.internal("PullImage"));
    assertThat(image.layers()).isEqualTo(fresh.layers());
    assertThat(images.list()).hasSize(1);
    assertThat(trees()).isEqualTo(expected);
    images.remove(image.id(), Operation.internal("RemoveImage"));
    assertNothingLeft();
  }

  /** Leaves half of the file that was written last; those of layers on the disk are whole. */
  private void tearYoungestFile() throws IOException {
    Comparator<Path> age =
        Comparator.comparing(path -> {
          try {
            return (FileTime) Files.getAttribute(path, "unix:ctime");
          } catch (IOException e) {
            throw new UncheckedIOException(e);
          }
        });
    List<Path> synced =
        ImageLayout.list(dir.resolve("images/layers")).stream()
            .filter(folder -> Files.exists(folder.resolve("synced")))
            .toList();
    try (Stream<Path> tree = Files.walk(dir.resolve("images"))) {
      Optional<Path> youngest =
          tree.filter(path -> Files.isRegularFile(path, LinkOption.NOFOLLOW_LINKS))
              .filter(path -> synced.stream().noneMatch(path::startsWith))
              .max(age);
      if (youngest.isPresent()) {
        try (var file = FileChannel.open(youngest.get(), StandardOpenOption.WRITE)) {
          file.truncate(file.size() / 2);
        }
      }
    }
  }

  @Test
  void aRegistryThatCutsOffMidLayerIsResumedOrReportedOnce() throws IOException {
    try (var proxy = CutProxy.to(registry).cut(2, 1_000_000)) {
      assertThat(pull(proxy.host(), Operation.internal("PullImage")).layers()).hasSize(3);
      assertThat(proxy.cutsLeft()).isNotPositive();
      images.remove(proxy.host() + "/app:v1", Operation.internal("RemoveImage"));
      assertNothingLeft();
    }
    try (var proxy = CutProxy.to(registry).cutForGood(2_000_000)) {
      assertThatThrownBy(() -> pull(proxy.host(), Operation.internal("PullImage")))
          .isInstanceOfSatisfying(
              BerthException.class,
              e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.KUBELET_REASON))
          .hasMessageStartingWith("RegistryUnavailable: pull " + proxy.host() + "/app:v1: ");
      assertNothingLeft();
      assertThat(dir.resolve("images/partial")).isNotEmptyDirectory();
    }
    pull(Operation.internal("PullImage"));
    assertThat(dir.resolve("images/partial")).isEmptyDirectory();
  }
}
