package dev.berth.image;

import dev.berth.base.Operation;
import dev.berth.image.archive.SavedImage;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.PushSession;
import java.io.ByteArrayInputStream;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicLong;

/** Pushes one image: its blobs first, its manifest last, so that no one sees half of it. */
final class PushImage {
  private final ImageReference target;
  private final PushSession session;
  private final BlobSource blobs;
  private final Operation operation;

  PushImage(ImageReference target, PushSession session, BlobSource blobs, Operation operation) {
    this.target = target;
    this.session = session;
    this.blobs = blobs;
    this.operation = operation;
  }

  /**
   * Does it.
   *
   * @param sent counts the bytes of layers that went over the wire
   */
  void run(ImageRecord image, SavedImage content, AtomicLong sent) {
    Optional<String> sibling = sibling(image);
    for (Descriptor layer : content.manifest().layers()) {
      var _ = session.push(layer, sibling, counted(sent), operation);
    }
    BlobSource config = (blob, offset, _) -> new ByteArrayInputStream(content.rawConfig());
    var _ = session.push(content.manifest().config(), sibling, config, operation);
    session.putManifest(
        target.tagOrDigest(),
        content.type(),
        content.manifestDigest(),
        content.rawManifest(),
        operation);
  }

  /** Another repository of the same registry that this image is known to be in. */
  private Optional<String> sibling(ImageRecord image) {
    return image.repoDigests().stream()
        .map(ImageReference::parse)
        .filter(known -> known.registry().equals(target.registry()))
        .map(ImageReference::repository)
        .filter(repository -> !repository.equals(target.repository()))
        .findFirst();
  }

  private BlobSource counted(AtomicLong sent) {
    return (blob, offset, op) -> {
      InputStream in = blobs.openBlob(blob, offset, op);
      return new FilterInputStream(in) {
        @Override
        public int read(byte[] bytes, int from, int length) throws IOException {
          int count = in.read(bytes, from, length);
          sent.addAndGet(Math.max(0, count));
          return count;
        }
      };
    };
  }
}
