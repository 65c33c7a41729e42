package dev.berth.image;

import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.archive.CheckedStream;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.RegistryClient;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.List;
import java.util.Optional;

/**
 * Gives the compressed layers of an image that is present: what was kept of them, or else what the
 * registries have that it came from. Kept content is read once before, to be sure of it.
 */
final class BlobSupply implements BlobSource {
  private static final System.Logger LOG = System.getLogger(BlobSupply.class.getName());

  private final KeptContent content;
  private final RegistryClient registry;
  private final List<ImageRecord> images;
  private final Credentials credentials;

  BlobSupply(
      KeptContent content,
      RegistryClient registry,
      List<ImageRecord> images,
      Credentials credentials) {
    this.content = content;
    this.registry = registry;
    this.images = images;
    this.credentials = credentials;
  }

  @Override
  public InputStream openBlob(Descriptor blob, long offset, Operation operation)
      throws IOException {
    Optional<InputStream> kept = isSound(blob, operation) ? content.open(blob) : Optional.empty();
    if (kept.isPresent()) {
      kept.get().skipNBytes(offset);
      return kept.get();
    }
    return fetch(blob, offset, operation);
  }

  private boolean isSound(Descriptor blob, Operation operation) throws IOException {
    Optional<InputStream> kept = content.open(blob);
    if (kept.isEmpty()) {
      return false;
    }
    try (var checked = new CheckedStream(kept.get(), blob, operation)) {
      checked.requireEnd();
      return true;
    } catch (BerthException e) {
      operation.check();
      LOG.log(System.Logger.Level.WARNING, "kept content dropped: {0}", e.getMessage());
      content.drop(blob.digest());
      return false;
    }
  }

  /** The stream of a registry asks for nothing before it is read, so the first byte decides. */
  private InputStream fetch(Descriptor blob, long offset, Operation operation) throws IOException {
    BerthException last =
        new BerthException(
            NOT_FOUND,
            "layer " + blob.digest() + " was not kept, and its image came from no registry");
    for (ImageRecord image : images) {
      for (String name : image.repoDigests()) {
        try {
          var in =
              new BufferedInputStream(
                  registry
                      .open(ImageReference.parse(name), credentials)
                      .openBlob(blob, offset, operation));
          in.mark(1);
          if (in.read() >= 0) {
            in.reset();
          }
          return in;
        } catch (BerthException e) {
          operation.check();
          last = e;
        }
      }
    }
    throw last.during("fetch layer " + blob.digest());
  }
}
