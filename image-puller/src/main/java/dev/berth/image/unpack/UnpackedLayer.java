package dev.berth.image.unpack;

/**
 * What is known of a layer once its archive was read.
 *
 * @param sidecar what lower layers must answer
 * @param explicitRoot whether the archive describes the root directory itself
 * @param opaqueRoot whether it hides everything below it
 * @param usedBytes on disk, by whole blocks
 * @param inodes it takes
 */
public record UnpackedLayer(
    Sidecar sidecar, boolean explicitRoot, boolean opaqueRoot, long usedBytes, long inodes) {
  private static final long DISK_BLOCK_BYTES = 4096;

  /** Returns what so many bytes take on a disk of the usual blocks. */
  static long wholeBlocks(long bytes) {
    return (bytes + DISK_BLOCK_BYTES - 1) / DISK_BLOCK_BYTES * DISK_BLOCK_BYTES;
  }
}
