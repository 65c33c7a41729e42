package dev.berth.image.unpack;

/**
 * How much one layer may ask for (rule R10).
 *
 * @param maxBytes of the uncompressed archive
 * @param maxEntries of the archive
 * @param freeRatioBytes uncompressed size up to which {@code maxRatio} is not looked at
 * @param maxRatio of uncompressed to compressed size
 */
public record UnpackLimits(long maxBytes, long maxEntries, long freeRatioBytes, int maxRatio) {
  /** Longest path, as PATH_MAX has it. */
  static final int MAX_PATH_BYTES = 4096;

  /** Longest component, as NAME_MAX has it. */
  static final int MAX_NAME_BYTES = 255;

  /** Most bytes of the extended headers of one entry, and longest list of sparse segments. */
  static final int MAX_HEADER_BYTES = 1024 * 1024;

  /** Largest extended attribute, as XATTR_SIZE_MAX has it. */
  static final int MAX_XATTR_BYTES = 65536;

  /** Most memory for what is kept of a layer until its end: some 300,000 directories. */
  static final long MAX_KEPT_BYTES = 64 << 20;

  /** What keeping a path costs beside its characters: objects, and its place in a table. */
  private static final long KEPT_OVERHEAD_BYTES = 128;

  /** Returns about how much memory a path takes that is kept. */
  static long keptBytes(String path) {
    return path.length() + KEPT_OVERHEAD_BYTES;
  }

  /**
   * The bounds in use: beyond any real layer, below what hurts a node that also checks for a full
   * disk. gzip cannot compress better than 1032 to 1, and only nonsense comes near it.
   */
  public static final UnpackLimits DEFAULT = new UnpackLimits(256L << 30, 4_000_000, 2L << 30, 500);
}
