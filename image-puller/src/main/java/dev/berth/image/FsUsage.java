package dev.berth.image;

import java.nio.file.Path;
import java.time.Instant;

/**
 * What a part of the image store takes on its file system.
 *
 * @param mountpoint an existing directory on that file system
 * @param usedBytes on disk
 * @param inodesUsed files, directories and other nodes
 */
public record FsUsage(Path mountpoint, long usedBytes, long inodesUsed, Instant takenAt) {}
