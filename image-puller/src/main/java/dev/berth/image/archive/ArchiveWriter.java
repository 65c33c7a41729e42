package dev.berth.image.archive;

import dev.berth.base.Operation;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.ImageReference;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes images into an archive, their layers as they came: nothing is compressed or decompressed.
 */
public final class ArchiveWriter {
  private final ArchiveSink sink;
  private final Operation operation;
  private final Set<String> written = new HashSet<>();

  /** Writes to a sink, which stays the caller's to close. */
  public ArchiveWriter(ArchiveSink sink, Operation operation) {
    this.sink = sink;
    this.operation = operation;
  }

  /** Writes an OCI image layout. */
  public void writeOciLayout(List<SavedImage> images, BlobSource blobs) throws IOException {
    List<Map<String, Object>> index = new ArrayList<>();
    for (SavedImage image : images) {
      put(OciLayout.path(image.manifestDigest()), image.rawManifest());
      put(OciLayout.path(image.manifest().config().digest()), image.rawConfig());
      for (Descriptor layer : image.manifest().layers()) {
        copy(OciLayout.path(layer.digest()), layer, blobs);
      }
      addEntries(index, image);
    }
    put("oci-layout", ManifestWriter.bytes(Map.of("imageLayoutVersion", "1.0.0")));
    put(OciLayout.INDEX, ManifestWriter.index(index));
  }

  private static void addEntries(List<Map<String, Object>> index, SavedImage image) {
    if (image.names().isEmpty()) {
      index.add(ManifestWriter.descriptor(image.descriptor()));
    }
    for (String name : image.names()) {
      Map<String, Object> entry = ManifestWriter.descriptor(image.descriptor());
      String tag = ImageReference.parse(name).tagOrDigest();
      Map<String, String> annotations = new LinkedHashMap<>();
      annotations.put(OciLayout.FULL_NAME, name);
      annotations.put(OciLayout.REF_NAME, tag);
      entry.put("annotations", annotations);
      index.add(entry);
    }
  }

  /** Writes what {@code docker load} reads. */
  public void writeDockerArchive(List<SavedImage> images, BlobSource blobs) throws IOException {
    List<DockerArchive.Entry> entries = new ArrayList<>();
    for (SavedImage image : images) {
      String config = image.manifest().config().digest().hex() + ".json";
      put(config, image.rawConfig());
      List<String> layers = new ArrayList<>();
      for (Descriptor layer : image.manifest().layers()) {
        String name = layer.digest().hex() + ".tar";
        copy(name, layer, blobs);
        layers.add(name);
      }
      entries.add(new DockerArchive.Entry(config, image.names(), layers));
    }
    put(DockerArchive.MANIFEST, ManifestWriter.bytes(entries));
  }

  private void put(String name, byte[] content) throws IOException {
    if (written.add(name)) {
      sink.write(name, content.length, new ByteArrayInputStream(content));
    }
  }

  private void copy(String name, Descriptor blob, BlobSource blobs) throws IOException {
    operation.check();
    if (!written.add(name)) {
      return;
    }
    try (InputStream in = blobs.openBlob(blob, 0, operation);
        var checked = new CheckedStream(in, blob, operation)) {
      sink.write(name, blob.sizeBytes(), checked);
      checked.requireEnd();
    }
  }
}
