package dev.berth.image;

import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/**
 * What is configured of the image store.
 *
 * @param keepContent keep the compressed layers of what is pulled
 * @param durablePulls a pull is over when its image is on the disk, not when it can be used
 * @param pinned patterns of names that are never to be removed for want of space; {@code *} stands
 *     for anything
 * @param policyFile says which images may be pulled; all may if there is none
 */
public record StoreSettings(
    boolean keepContent, boolean durablePulls, List<String> pinned, Optional<Path> policyFile) {
  /** Keeps nothing, waits for no disk, pins nothing, accepts everything. */
  public static final StoreSettings DEFAULT =
      new StoreSettings(false, false, List.of(), Optional.empty());

  public StoreSettings {
    pinned = List.copyOf(pinned);
  }
}
