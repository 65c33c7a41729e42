package dev.berth.image;

import dev.berth.base.Operation;
import dev.berth.image.archive.SavedImage;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.PushSession;
import java.io.ByteArrayInputStream;
import java.util.Optional;

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

  void run(ImageRecord image, SavedImage content) {
    Optional<String> sibling = sibling(image);
    for (Descriptor layer : content.manifest().layers()) {
      var _ = session.push(layer, sibling, blobs, operation);
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
}
