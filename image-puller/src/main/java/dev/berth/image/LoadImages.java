package dev.berth.image;

import dev.berth.base.Operation;
import dev.berth.image.archive.ArchivedImage;
import dev.berth.image.archive.CheckedStream;
import dev.berth.image.archive.ImageArchive;
import dev.berth.image.oci.ArtifactFiles;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Documents;
import dev.berth.image.oci.ImageDocument;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.oci.Platform;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Takes the images of an archive into the store, by the same way as those of a registry. Their
 * content is kept whatever is configured: no registry may have it.
 */
final class LoadImages {
  private final ImageLayout layout;
  private final Layers layers;
  private final LayerFetcher fetcher;
  private final KeptContent content;
  private final Recorder recorder;

  /** Records an image whose layers are there. */
  interface Recorder {
    ImageRecord record(ImageRecord image, Map<Digest, byte[]> documents);
  }

  LoadImages(
      ImageLayout layout,
      Layers layers,
      LayerFetcher fetcher,
      KeptContent content,
      Recorder recorder) {
    this.layout = layout;
    this.layers = layers;
    this.fetcher = fetcher;
    this.content = content;
    this.recorder = recorder;
  }

  List<ImageRecord> run(Path archive, Transfer transfer, Operation operation) {
    try (ImageArchive opened = ImageArchive.open(archive, layout.staging())) {
      List<ImageRecord> loaded = new ArrayList<>();
      transfer.expect(
          opened.images().stream().flatMap(image -> image.manifest().layers().stream()).toList());
      for (ArchivedImage image : opened.images()) {
        loaded.add(load(image, transfer.counted(opened.blobs(image)), operation));
      }
      return loaded;
    } catch (IOException e) {
      operation.check();
      throw ImageLayout.failed("load images from", archive, e);
    }
  }

  private ImageRecord load(ArchivedImage image, BlobSource blobs, Operation operation)
      throws IOException {
    ImageDocument document =
        image.manifest().isArtifact()
            ? ArtifactFiles.document(image.manifest(), Platform.host())
            : Documents.parseConfig(image.rawConfig());
    List<LayerFetcher.Wanted> wanted = PullImage.layers(image.manifest(), document);
    List<String> keys = wanted.stream().flatMap(layer -> layer.keys().stream()).toList();
    try (Layers.Hold _ = layers.hold(LayerHolder.work("load"), keys)) {
      List<Layer> present = new ParallelLayers(fetcher).obtain(blobs, wanted, operation);
      for (Descriptor layer : image.manifest().layers()) {
        keep(layer, blobs, operation);
      }
      Map<Digest, byte[]> documents = new LinkedHashMap<>();
      documents.put(image.manifestDigest(), image.rawManifest());
      documents.put(image.manifest().config().digest(), image.rawConfig());
      return recorder.record(record(image, document, present), documents);
    }
  }

  private void keep(Descriptor blob, BlobSource blobs, Operation operation) throws IOException {
    if (content.has(blob)) {
      return;
    }
    Path file = Files.createTempFile(layout.staging(), "blob", "");
    try (var in = new CheckedStream(blobs.openBlob(blob, 0, operation), blob, operation);
        var out = Files.newOutputStream(file)) {
      in.transferTo(out);
      in.requireEnd();
      content.take(file, blob.digest());
    } finally {
      Files.deleteIfExists(file);
    }
  }

  private static ImageRecord record(
      ArchivedImage image, ImageDocument document, List<Layer> present) {
    List<ImageReference> names = image.names().stream().map(ImageReference::parse).toList();
    long size = image.rawManifest().length + (long) image.rawConfig().length;
    for (Descriptor layer : image.manifest().layers()) {
      size += layer.sizeBytes();
    }
    return new ImageRecord(
        (image.manifest().isArtifact()
                ? image.manifestDigest()
                : image.manifest().config().digest())
            .toString(),
        names.stream().map(ImageReference::toString).toList(),
        image.original()
            ? names.stream()
                .map(name -> name.withDigest(image.manifestDigest()).toString())
                .toList()
            : List.of(),
        size,
        document.config(),
        present.stream().map(Layer::key).toList(),
        Instant.now());
  }
}
