package dev.berth.image.archive;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Documents;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.testing.Programs;
import dev.berth.image.testing.TestImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/**
 * The documents of an archive have the bounds that those of a registry have (rule R10). Each is
 * valid but for the blanks at its end, so nothing but its size can be what is refused.
 */
class ArchiveBoundsTest {
  @TempDir Path dir;
  private Path files;
  private final TestImage image = new TestImage();

  @BeforeEach
  void make() throws IOException {
    files = Files.createDirectories(dir.resolve("files"));
  }

  private static byte[] padded(byte[] json, int bytes) {
    byte[] padded = Arrays.copyOf(json, bytes);
    Arrays.fill(padded, json.length, bytes, (byte) ' ');
    return padded;
  }

  private static byte[] padded(String json, int bytes) {
    return padded(json.getBytes(UTF_8), bytes);
  }

  private String blob(String mediaType, byte[] content) throws IOException {
    Digest digest = Digest.ofSha256(content);
    Files.write(
        Files.createDirectories(files.resolve("blobs/sha256")).resolve(digest.hex()), content);
    return TestImage.descriptor(mediaType, digest, content.length);
  }

  private void file(String name, byte[] content) throws IOException {
    Files.write(files.resolve(name), content);
  }

  private static String index(String manifest) {
    return "{\"schemaVersion\": 2, \"manifests\": [" + manifest + "]}";
  }

  private static String manifest(String config) {
    return "{\"schemaVersion\": 2, \"layers\": [], \"config\": " + config + "}";
  }

  /** Reads what was made, as a directory or as an archive of it; returns how many images. */
  private int read(String form) {
    Path archive = files;
    if (form.equals("archive")) {
      archive = dir.resolve("archive.tar");
      Programs.run("sh", "-c", "cd " + files + " && tar -cf " + archive + " *");
    }
    try (var images = ImageArchive.open(archive, dir)) {
      return images.images().size();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private void assertRefused(String form, String file, int bound) {
    assertThatThrownBy(() -> read(form))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.RESOURCE_EXHAUSTED))
        .hasMessageStartingWith("file " + file)
        .hasMessageEndingWith(" of the archive is over the bound of " + bound + " bytes");
  }

  @ParameterizedTest
  @ValueSource(strings = {"directory", "archive"})
  void anIndexThatIsTooLargeIsRefused(String form) throws IOException {
    String config = blob(MediaTypes.OCI_CONFIG, image.configBlob());
    String json = index(blob(MediaTypes.OCI_MANIFEST, manifest(config).getBytes(UTF_8)));
    file("index.json", padded(json, Documents.MAX_MANIFEST_BYTES));
    assertThat(read(form)).isEqualTo(1);
    file("index.json", padded(json, Documents.MAX_MANIFEST_BYTES + 1));
    assertRefused(form, "index.json", Documents.MAX_MANIFEST_BYTES);
  }

  @ParameterizedTest
  @ValueSource(strings = {"directory", "archive"})
  void aManifestOrInnerIndexOfALayoutThatIsTooLargeIsRefused(String form) throws IOException {
    String config = blob(MediaTypes.OCI_CONFIG, image.configBlob());
    int bound = Documents.MAX_MANIFEST_BYTES;
    file("index.json", index(blob("", padded(manifest(config), bound))).getBytes(UTF_8));
    assertThat(read(form)).isEqualTo(1);
    file("index.json", index(blob("", padded(manifest(config), bound + 1))).getBytes(UTF_8));
    assertRefused(form, "blobs/sha256/", bound);
    String good = blob(MediaTypes.OCI_MANIFEST, manifest(config).getBytes(UTF_8));
    file("index.json", index(blob("", padded(index(good), bound + 1))).getBytes(UTF_8));
    assertRefused(form, "blobs/sha256/", bound);
  }

  @ParameterizedTest
  @ValueSource(strings = {"directory", "archive"})
  void aConfigurationOfALayoutThatIsTooLargeIsRefused(String form) throws IOException {
    int bound = Documents.MAX_CONFIG_BYTES;
    String config = blob(MediaTypes.OCI_CONFIG, padded(image.configBlob(), bound + 1));
    String manifest = blob(MediaTypes.OCI_MANIFEST, manifest(config).getBytes(UTF_8));
    file("index.json", index(manifest).getBytes(UTF_8));
    assertRefused(form, "blobs/sha256/", bound);
  }

  @ParameterizedTest
  @ValueSource(strings = {"directory", "archive"})
  void theDocumentsOfADockerArchiveHaveTheSameBounds(String form) throws IOException {
    String json = "[{\"Config\": \"config.json\", \"RepoTags\": [], \"Layers\": []}]";
    file("config.json", padded(image.configBlob(), Documents.MAX_CONFIG_BYTES));
    file("manifest.json", padded(json, Documents.MAX_MANIFEST_BYTES));
    assertThat(read(form)).isEqualTo(1);
    file("config.json", padded(image.configBlob(), Documents.MAX_CONFIG_BYTES + 1));
    assertRefused(form, "config.json", Documents.MAX_CONFIG_BYTES);
    file("manifest.json", padded(json, Documents.MAX_MANIFEST_BYTES + 1));
    assertRefused(form, "manifest.json", Documents.MAX_MANIFEST_BYTES);
  }

  /** Names come from the archive, and messages go to logs and terminals. */
  @Test
  void whatAnArchiveNamesIsPrintable() throws IOException {
    String name = "\u001b[2Jx\nlevel=error";
    TestImage one = new TestImage().layer(new byte[1], "", Digest.ofSha256("x"));
    file("config.json", one.configBlob());
    file(name, one.configBlob());
    for (String json :
        List.of(
            "[{\"Config\": \"NAME\", \"Layers\": []}]",
            "[{\"Config\": \"config.json\", \"Layers\": [\"NAME is not there\"]}]")) {
      String escaped = json.replace("NAME", name.replace("\n", "\\n").replace("\u001b", "\\u001b"));
      file("manifest.json", escaped.getBytes(UTF_8));
      assertThatThrownBy(() -> read("directory"))
          .isInstanceOf(BerthException.class)
          .message()
          .doesNotContain("\u001b", "\n");
    }
  }
}
