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
    Sidecar sidecar, boolean explicitRoot, boolean opaqueRoot, long usedBytes, long inodes) {}
