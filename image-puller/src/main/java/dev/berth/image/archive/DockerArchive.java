package dev.berth.image.archive;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import com.google.gson.annotations.SerializedName;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Documents;
import dev.berth.image.oci.ImageDocument;
import dev.berth.image.oci.Manifest;
import dev.berth.image.oci.MediaTypes;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Reads what {@code docker save} writes: a {@code manifest.json} with, for each image, the names of
 * its configuration and layers. There is no manifest as registries have it, so one is made; layers
 * are plain as a rule, and then known by their diff ids.
 */
final class DockerArchive {
  static final String MANIFEST = "manifest.json";

  private static final int BUFFER_BYTES = 128 * 1024;
  private static final Gson GSON = new Gson();

  private final ArchiveFiles files;

  DockerArchive(ArchiveFiles files) {
    this.files = files;
  }

  /** One image as manifest.json has it. */
  record Entry(
      @SerializedName("Config") @Nullable String config,
      @SerializedName("RepoTags") @Nullable List<String> repoTags,
      @SerializedName("Layers") @Nullable List<String> layers) {}

  List<ArchivedImage> images() throws IOException {
    byte[] raw = ImageArchive.read(files, MANIFEST, Documents.MAX_MANIFEST_BYTES);
    Entry[] entries;
    try {
      entries = GSON.fromJson(new String(raw, UTF_8), Entry[].class);
    } catch (JsonParseException e) {
      throw new BerthException(INVALID_ARGUMENT, "manifest.json of the archive is not valid", e);
    }
    List<ArchivedImage> images = new ArrayList<>();
    for (Entry entry : entries == null ? new Entry[0] : entries) {
      images.add(image(entry));
    }
    return images;
  }

  private ArchivedImage image(Entry entry) throws IOException {
    List<String> layers = entry.layers() == null ? List.of() : entry.layers();
    if (entry.config() == null || layers.size() > Documents.MAX_LAYERS) {
      throw new BerthException(
          INVALID_ARGUMENT, "manifest.json of the archive names no config, or too many layers");
    }
    byte[] rawConfig = ImageArchive.read(files, entry.config(), Documents.MAX_CONFIG_BYTES);
    ImageDocument config = Documents.parseConfig(rawConfig);
    if (layers.size() != config.diffIds().size()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "manifest.json and the config " + Ids.printable(entry.config()) + " disagree");
    }
    Map<Digest, String> paths = new HashMap<>();
    List<Descriptor> blobs = new ArrayList<>();
    for (int i = 0; i < layers.size(); i++) {
      Descriptor blob = layer(layers.get(i), config.diffIds().get(i));
      blobs.add(blob);
      paths.put(blob.digest(), layers.get(i));
    }
    var configBlob =
        new Descriptor(MediaTypes.OCI_CONFIG, Digest.ofSha256(rawConfig), rawConfig.length, null);
    var manifest = new Manifest(configBlob, blobs);
    byte[] rawManifest = ManifestWriter.write(manifest);
    List<String> names = entry.repoTags() == null ? List.of() : entry.repoTags();
    return new ArchivedImage(
        names.stream().filter(ImageNames::isComplete).toList(),
        rawManifest,
        Digest.ofSha256(rawManifest),
        manifest,
        false,
        rawConfig,
        paths);
  }

  private Descriptor layer(String name, Digest diffId) throws IOException {
    long size =
        files
            .sizeBytes(name)
            .orElseThrow(() ->
                new BerthException(
                    INVALID_ARGUMENT, "the archive has no layer " + Ids.printable(name)));
    String suffix = compression(name);
    Digest digest = suffix.isEmpty() ? diffId : digest(name);
    return new Descriptor(MediaTypes.OCI_LAYER + suffix, digest, size, null);
  }

  private String compression(String name) throws IOException {
    byte[] magic = new byte[4];
    try (InputStream in = files.open(name, 0)) {
      int count = in.readNBytes(magic, 0, magic.length);
      if (count >= 2 && (magic[0] & 0xff) == 0x1f && (magic[1] & 0xff) == 0x8b) {
        return "+gzip";
      }
      boolean zstd = magic[0] == 0x28 && (magic[1] & 0xff) == 0xb5 && magic[2] == 0x2f;
      return count == 4 && zstd ? "+zstd" : "";
    }
  }

  private Digest digest(String name) throws IOException {
    MessageDigest hash = Digest.newSha256();
    byte[] buffer = new byte[BUFFER_BYTES];
    try (InputStream in = files.open(name, 0)) {
      for (int count = in.read(buffer); count >= 0; count = in.read(buffer)) {
        hash.update(buffer, 0, count);
      }
    }
    return Digest.sha256(hash.digest());
  }
}
