package dev.berth.image.unpack;

/**
 * What statx(2) says about an inode.
 *
 * @param mode type and permission bits
 * @param device number of a device node, 0 for any other
 */
record NodeStatus(
    int mode, int uid, int gid, long sizeBytes, long blocks, long device, TarEntry.Time modified) {
  // S_IFMT of linux/stat.h
  private static final int TYPE_MASK = 0170000;
  static final int FIFO = 0010000;
  static final int CHARACTER = 0020000;
  static final int DIRECTORY = 0040000;
  static final int BLOCK = 0060000;
  static final int REGULAR = 0100000;
  static final int SYMBOLIC_LINK = 0120000;

  int type() {
    return mode & TYPE_MASK;
  }

  boolean isDirectory() {
    return type() == DIRECTORY;
  }

  boolean isSymbolicLink() {
    return type() == SYMBOLIC_LINK;
  }

  boolean isRegular() {
    return type() == REGULAR;
  }

  /** Whether overlayfs takes it for the mark of a removed name. */
  boolean isWhiteout() {
    return type() == CHARACTER && device == 0;
  }

  int permissions() {
    return mode & 07777;
  }
}
