package dev.berth.runtime.kernel;

import java.util.Set;

/** Properties of one mount, whatever its file system: MOUNT_ATTR_* of linux/mount.h. */
public enum MountAttribute {
  READ_ONLY(0x1),
  NO_SETUID(0x2),
  NO_DEVICES(0x4),
  NO_EXEC(0x8),
  /** Times of access are never updated; excludes STRICT_ACCESS_TIME. */
  NO_ACCESS_TIME(0x10),
  /** Times of access are always updated. */
  STRICT_ACCESS_TIME(0x20),
  NO_DIRECTORY_ACCESS_TIME(0x80),
  NO_SYMLINK_FOLLOW(0x200000);

  /** The three ways to treat access times are one field, which must be cleared to be set. */
  private static final int ACCESS_TIME_FIELD = 0x70;

  private final int bit;

  MountAttribute(int bit) {
    this.bit = bit;
  }

  static long bits(Set<MountAttribute> attributes) {
    long bits = 0;
    for (MountAttribute attribute : attributes) {
      bits |= attribute.bit;
    }
    return bits;
  }

  /** Adds to what is cleared the field of access times wherever one of its values is set. */
  static long bitsToClear(Set<MountAttribute> cleared, Set<MountAttribute> set) {
    long bits = bits(cleared);
    return ((bits | bits(set)) & ACCESS_TIME_FIELD) == 0 ? bits : bits | ACCESS_TIME_FIELD;
  }
}
