package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.CheckedPart.Health;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.registry.Credentials;
import dev.berth.image.testing.TestImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.junit.jupiter.api.Test;

/** What is no container image but files that somebody put into a registry. */
class ArtifactPullTest extends HostileRegistryFixture {
  private static final byte[] EMPTY = "{}".getBytes(UTF_8);
  private static final byte[] WEIGHTS = "weights, three of them".getBytes(UTF_8);
  private static final byte[] NOTES = "notes".getBytes(UTF_8);

  @Test
  void eachBlobIsAFileOfItsTitle() throws IOException {
    byte[] manifest =
        serve(
            "model",
            blob(WEIGHTS, "application/vnd.example.weights", "model/weights.bin"),
            blob(NOTES, "text/plain", "Read me.txt"),
            blob(EMPTY, "application/vnd.oci.empty.v1+json", null));
    ImageRecord image = pull("model:v1");
    assertThat(image.id()).isEqualTo(Digest.ofSha256(manifest).toString());
    assertThat(image.config().entrypoint()).isEmpty();
    assertThat(files(image))
        .containsExactlyInAnyOrderEntriesOf(
            Map.of(
                "weights.bin",
                new String(WEIGHTS, UTF_8),
                "Read me.txt",
                "notes",
                Digest.ofSha256(EMPTY).hex(),
                "{}"));
    assertThat(images.verify("", Operation.internal("Verify")))
        .isNotEmpty()
        .allMatch(part -> part.health() != Health.DAMAGED);
  }

  @Test
  void artifactsWithTheSameConfigurationAreTwoImages() throws IOException {
    serve("one", blob(WEIGHTS, "text/plain", "a"));
    serve("two", blob(WEIGHTS, "text/plain", "b"));
    ImageRecord one = pull("one:v1");
    ImageRecord two = pull("two:v1");
    assertThat(one.id()).isNotEqualTo(two.id());
    assertThat(files(one)).containsOnlyKeys("a");
    assertThat(files(two)).containsOnlyKeys("b");
    images.remove(one.id(), Operation.internal("RemoveImage"));
    assertThat(images.list()).containsExactly(two);
  }

  @Test
  void aTitleThatIsNoNameAndContentThatIsAnotherAreRefused() {
    serve("up", blob(WEIGHTS, "text/plain", "x/.."));
    assertFails("up:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the title x/.. is no name of a file");
    serve("wrong", blob(WEIGHTS, "text/plain", "w"));
    byte[] other = WEIGHTS.clone();
    other[0]++;
    registry.blob("wrong", Digest.ofSha256(WEIGHTS), other);
    assertFails("wrong:v1", BerthException.Kind.INVALID_ARGUMENT)
        .hasMessageContaining("the content has digest ");
    assertNothingLeftBut();
  }

  @Test
  void anArtifactThatWasSavedIsLoadedAsItWas() throws IOException {
    serve("model", blob(WEIGHTS, "text/plain", "weights"));
    ImageRecord image = pull("model:v1");
    Path saved = dir.resolve("saved");
    Operation operation = Operation.internal("SaveImages");
    images
        .transfers()
        .save(
            List.of(image.id()), saved, ArchiveFormat.OCI_DIRECTORY, Credentials.none(), operation);
    images.remove(image.id(), Operation.internal("RemoveImage"));
    assertThat(images.transfers().load(saved, Operation.internal("LoadImages")))
        .singleElement()
        .satisfies(loaded -> assertThat(loaded.id()).isEqualTo(image.id()));
    assertThat(files(images.find(image.id()).orElseThrow())).containsOnlyKeys("weights");
    AtomicFiles.deleteTree(saved);
  }

  @SuppressWarnings("ArrayRecordComponent") // a name for two values, never compared
  private record Blob(byte[] content, String descriptor) {}

  private static Blob blob(byte[] content, String type, @Nullable String title) {
    String descriptor = TestImage.descriptor(type, Digest.ofSha256(content), content.length);
    return new Blob(
        content,
        title == null
            ? descriptor
            : descriptor.replaceFirst(
                "}$",
                ", \"annotations\": {\"org.opencontainers.image.title\": \"" + title + "\"}}"));
  }

  private byte[] serve(String name, Blob... blobs) {
    String layers = List.of(blobs).stream().map(Blob::descriptor).collect(Collectors.joining(", "));
    byte[] manifest =
        ("{\"schemaVersion\": 2, \"mediaType\": \""
                + MediaTypes.OCI_MANIFEST
                + "\", \"artifactType\": \"application/vnd.example.model\", \"config\": "
                + TestImage.descriptor(
                    "application/vnd.oci.empty.v1+json", Digest.ofSha256(EMPTY), EMPTY.length)
                + ", \"layers\": ["
                + layers
                + "]}")
            .getBytes(UTF_8);
    registry.blob(name, Digest.ofSha256(EMPTY), EMPTY);
    for (Blob blob : blobs) {
      registry.blob(name, Digest.ofSha256(blob.content()), blob.content());
    }
    registry.manifest(name, "v1", manifest);
    return manifest;
  }

  /** What is in the files of an image's layers, which all can be read by everybody. */
  private Map<String, String> files(ImageRecord image) throws IOException {
    Map<String, String> files = new TreeMap<>();
    for (Path folder : ImageLayout.list(dir.resolve("images/layers"))) {
      if (!image.layers().contains(LayerFile.read(folder).key())) {
        continue;
      }
      try (var children = Files.list(folder.resolve("fs"))) {
        for (Path file : children.toList()) {
          assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(file)))
              .isEqualTo("rw-r--r--");
          files.put(file.getFileName().toString(), Files.readString(file));
        }
      }
    }
    return files;
  }
}
