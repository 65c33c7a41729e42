package dev.berth.image;

import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import java.util.List;

/** Root file systems for containers: overlays of an image's layers. Survives restarts. */
@SuppressWarnings("DoNotCallSuggester") // until implemented
public final class Snapshots {
  private Snapshots() {}

  /**
   * Adds the snapshot's intent record to a batch of the caller, who commits it with records of its
   * own: {@link #prepare} then costs no commit of its own.
   */
  public void intend(MetadataStore.Batch batch, String key, ImageRecord image) {
    throw new BerthException(UNIMPLEMENTED, "intend");
  }

  /** Makes (or finds again) a writable root file system. Idempotent for the same key and image. */
  public PreparedRootfs prepare(String key, ImageRecord image) {
    throw new BerthException(UNIMPLEMENTED, "prepare");
  }

  /** Makes (or finds again) a read-only root file system. */
  public PreparedRootfs view(String key, ImageRecord image) {
    throw new BerthException(UNIMPLEMENTED, "view");
  }

  /** Removes a snapshot and its record; idempotent. It must not be mounted any more. */
  public void remove(String key) {
    throw new BerthException(UNIMPLEMENTED, "remove");
  }

  /** Keys of all snapshots. */
  public List<String> list() {
    throw new BerthException(UNIMPLEMENTED, "list");
  }

  /** What a container has written. */
  public FsUsage usage(String key) {
    throw new BerthException(UNIMPLEMENTED, "usage");
  }
}
