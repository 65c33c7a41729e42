package dev.berth.runtime.kernel;

/**
 * What statx(2) says about a name in a directory that an archive is written to or read from.
 *
 * @param mode type and permission bits
 * @param uid owner, as 32 bits without sign
 * @param gid group, as 32 bits without sign
 * @param sizeBytes length of a regular file
 * @param blocks of 512 bytes that it takes up
 * @param device number of a device node, 0 for any other
 * @param modified time of the last change to its content
 * @param inode number within its file system
 * @param links how many names it has
 */
public record InodeStatus(
    int mode,
    int uid,
    int gid,
    long sizeBytes,
    long blocks,
    long device,
    UnixTime modified,
    long inode,
    int links) {
  // S_IFMT of linux/stat.h
  private static final int TYPE_MASK = 0170000;
  public static final int FIFO = 0010000;
  public static final int CHARACTER = 0020000;
  public static final int DIRECTORY = 0040000;
  public static final int BLOCK = 0060000;
  public static final int REGULAR = 0100000;
  public static final int SYMBOLIC_LINK = 0120000;

  /** Returns the kind of inode: one of the constants. */
  public int type() {
    return mode & TYPE_MASK;
  }

  public boolean isDirectory() {
    return type() == DIRECTORY;
  }

  public boolean isSymbolicLink() {
    return type() == SYMBOLIC_LINK;
  }

  public boolean isRegular() {
    return type() == REGULAR;
  }

  /** Whether overlayfs takes it for the mark of a removed name. */
  public boolean isWhiteout() {
    return type() == CHARACTER && device == 0;
  }

  /** Returns the lower twelve bits of its mode. */
  public int permissions() {
    return mode & 07777;
  }
}
