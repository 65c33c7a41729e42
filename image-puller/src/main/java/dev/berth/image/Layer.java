package dev.berth.image;

import dev.berth.image.oci.Digest;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * An unpacked layer, complete and immutable.
 *
 * @param key by which images know it: its diffId, or its chainId where it depends on what is below
 * @param directory that holds its files, as overlayfs stacks them
 * @param explicitRoot whether it says what the root directory looks like
 * @param opaqueRoot whether it hides all layers below it
 * @param usedBytes on disk; with all that describes it once it is known to be there
 * @param inodes it takes, likewise
 */
record Layer(
    String key,
    Path directory,
    boolean explicitRoot,
    boolean opaqueRoot,
    long usedBytes,
    long inodes) {
  static String keyOfDiff(Digest diffId) {
    return "diff:" + diffId;
  }

  static String keyOfChain(Digest chainId) {
    return "chain:" + chainId;
  }

  /** Returns the same layer with what it was measured to take. */
  Layer measured(long bytes, long nodes) {
    return new Layer(key, directory, explicitRoot, opaqueRoot, bytes, nodes);
  }

  /** Whether it is the very same directory, not only the same content. */
  boolean isSame(@Nullable Layer other) {
    return other != null && directory.equals(other.directory);
  }
}
