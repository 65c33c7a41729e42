package dev.berth.image;

import dev.berth.image.oci.Digest;
import java.nio.file.Path;

/**
 * An unpacked layer, complete and immutable.
 *
 * @param key by which images know it: its diffId, or its chainId where it depends on what is below
 * @param directory that holds its files, as overlayfs stacks them
 * @param explicitRoot whether it says what the root directory looks like
 * @param opaqueRoot whether it hides all layers below it
 * @param usedBytes on disk
 * @param inodes it takes
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
}
