package dev.berth.image.oci;

import dev.berth.base.Operation;
import java.io.IOException;
import java.io.InputStream;

/** Where the blobs of an image come from: a registry, an archive, the store itself. Thread-safe. */
@FunctionalInterface
public interface BlobSource {
  /**
   * Opens a blob. The digest is for the reader to check.
   *
   * @param offset bytes the caller has already
   * @throws dev.berth.base.BerthException NOT_FOUND if it is not here
   */
  InputStream openBlob(Descriptor descriptor, long offset, Operation operation) throws IOException;
}
