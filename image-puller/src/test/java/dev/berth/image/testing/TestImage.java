package dev.berth.image.testing;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.github.luben.zstd.Zstd;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.oci.Platform;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Collectors;
import java.util.zip.GZIPOutputStream;

/** An image under construction: layers, configuration, manifest. */
public final class TestImage {
  /** How a layer is compressed. */
  public enum Compression {
    NONE(""),
    GZIP("+gzip"),
    ZSTD("+zstd");

    private final String suffix;

    Compression(String suffix) {
      this.suffix = suffix;
    }
  }

  /** A layer as it is pushed. */
  @SuppressWarnings("ArrayRecordComponent") // never compared
  public record Layer(byte[] blob, String mediaType, Digest diffId) {
    public Digest digest() {
      return Digest.ofSha256(blob);
    }
  }

  private final List<Layer> layers = new ArrayList<>();
  private String architecture = Platform.host().architecture();
  private String config = "{\"Cmd\": [\"/bin/sh\"]}";

  public TestImage layer(byte[] tar, Compression compression) {
    byte[] blob =
        switch (compression) {
          case NONE -> tar;
          case GZIP -> gzip(tar);
          case ZSTD -> Zstd.compress(tar);
        };
    return layer(blob, MediaTypes.OCI_LAYER + compression.suffix, Digest.ofSha256(tar));
  }

  /** Adds a layer that may be a lie. */
  public TestImage layer(byte[] blob, String mediaType, Digest diffId) {
    layers.add(new Layer(blob, mediaType, diffId));
    return this;
  }

  public TestImage architecture(String name) {
    architecture = name;
    return this;
  }

  /** Sets the {@code config} object of the configuration, in JSON. */
  public TestImage config(String json) {
    config = json;
    return this;
  }

  public List<Layer> layers() {
    return List.copyOf(layers);
  }

  public byte[] configBlob() {
    String diffIds =
        layers.stream()
            .map(layer -> "\"" + layer.diffId() + "\"")
            .collect(Collectors.joining(", "));
    return """
    {"architecture": "%s", "os": "linux", "config": %s,
     "rootfs": {"type": "layers", "diff_ids": [%s]}}
    """
        .formatted(architecture, config, diffIds)
        .getBytes(UTF_8);
  }

  public String architecture() {
    return architecture;
  }

  public byte[] manifest() {
    String descriptors =
        layers.stream()
            .map(layer -> descriptor(layer.mediaType(), layer.digest(), layer.blob().length))
            .collect(Collectors.joining(", "));
    byte[] blob = configBlob();
    return """
    {"schemaVersion": 2, "mediaType": "%s", "config": %s, "layers": [%s]}
    """
        .formatted(
            MediaTypes.OCI_MANIFEST,
            descriptor(MediaTypes.OCI_CONFIG, Digest.ofSha256(blob), blob.length),
            descriptors)
        .getBytes(UTF_8);
  }

  /** Returns an index of several images. */
  public static byte[] index(TestImage... images) {
    String manifests =
        List.of(images).stream()
            .map(image -> {
              byte[] manifest = image.manifest();
              return """
              {"mediaType": "%s", "digest": "%s", "size": %d,
               "platform": {"os": "linux", "architecture": "%s"}}
              """
                  .formatted(
                      MediaTypes.OCI_MANIFEST,
                      Digest.ofSha256(manifest),
                      manifest.length,
                      image.architecture);
            })
            .collect(Collectors.joining(", "));
    return """
    {"schemaVersion": 2, "mediaType": "%s", "manifests": [%s]}
    """
        .formatted(MediaTypes.OCI_INDEX, manifests)
        .getBytes(UTF_8);
  }

  public static String descriptor(String mediaType, Digest digest, long size) {
    return "{\"mediaType\": \"%s\", \"digest\": \"%s\", \"size\": %d}"
        .formatted(mediaType, digest, size);
  }

  public static byte[] gzip(byte[] bytes) {
    var out = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return out.toByteArray();
  }
}
