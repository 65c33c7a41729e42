package dev.berth.runtime.kernel;

import static dev.berth.runtime.kernel.FcntlCommands.AT_EMPTY_PATH;

/**
 * What statx(2) says about an open file.
 *
 * @param type the kind of inode
 * @param permissions the lower twelve bits of its mode
 * @param uid owner
 * @param gid group
 * @param inode number within its device
 * @param device the file system, {@code major << 32 | minor}
 * @param rdevMajor major number of a device node
 * @param rdevMinor minor number of a device node
 * @param sizeBytes length of a regular file
 * @param mountId the mount it was reached through
 */
public record FileStatus(
    Type type,
    int permissions,
    int uid,
    int gid,
    long inode,
    long device,
    int rdevMajor,
    int rdevMinor,
    long sizeBytes,
    long mountId) {
  /** S_IFMT of linux/stat.h. */
  public enum Type {
    FIFO(0x1),
    CHARACTER_DEVICE(0x2),
    DIRECTORY(0x4),
    BLOCK_DEVICE(0x6),
    REGULAR(0x8),
    SYMBOLIC_LINK(0xA),
    SOCKET(0xC),
    OTHER(0x0);

    private final int bits;

    Type(int bits) {
      this.bits = bits;
    }

    static Type of(int mode) {
      for (Type type : values()) {
        if (type.bits == mode >> 12) {
          return type;
        }
      }
      return OTHER;
    }
  }

  // struct statx of linux/stat.h
  private static final int SIZE = 256;
  private static final int STATX_BASIC_STATS = 0x7ff;
  private static final int STATX_MNT_ID = 0x1000;

  /** Reads the status of what the descriptor stands for; O_PATH descriptors will do. */
  public static FileStatus of(Fd fd) {
    try (var empty = NativeMemory.string("");
        var statx = NativeMemory.allocate(SIZE)) {
      Syscalls.check(
          "statx",
          fd,
          fd.number(),
          empty.address(),
          AT_EMPTY_PATH,
          STATX_BASIC_STATS | STATX_MNT_ID,
          statx.address());
      int mode = statx.getShort(28) & 0xFFFF;
      return new FileStatus(
          Type.of(mode),
          mode & 07777,
          statx.getInt(20),
          statx.getInt(24),
          statx.getLong(32),
          ((long) statx.getInt(136) << 32) | (statx.getInt(140) & 0xFFFF_FFFFL),
          statx.getInt(128),
          statx.getInt(132),
          statx.getLong(40),
          statx.getLong(144));
    }
  }

  /** Says whether both are the same inode. */
  public boolean isSameFile(FileStatus other) {
    return inode == other.inode && device == other.device;
  }
}
