package dev.berth.runtime.plan;

import java.util.ArrayList;
import java.util.List;

/** Names mount attributes and propagations in printed plans. */
final class MountText {
  private MountText() {}

  static String attributes(long bits) {
    List<String> names = new ArrayList<>();
    name(names, bits, Uapi.MOUNT_ATTR_RDONLY, "ro");
    name(names, bits, Uapi.MOUNT_ATTR_NOSUID, "nosuid");
    name(names, bits, Uapi.MOUNT_ATTR_NODEV, "nodev");
    name(names, bits, Uapi.MOUNT_ATTR_NOEXEC, "noexec");
    if ((bits & Uapi.MOUNT_ATTR_ATIME_MASK) == Uapi.MOUNT_ATTR_ATIME_MASK) {
      names.add("atime");
    } else {
      name(names, bits, Uapi.MOUNT_ATTR_NOATIME, "noatime");
      name(names, bits, Uapi.MOUNT_ATTR_STRICTATIME, "strictatime");
    }
    name(names, bits, Uapi.MOUNT_ATTR_NODIRATIME, "nodiratime");
    name(names, bits, Uapi.MOUNT_ATTR_NOSYMFOLLOW, "nosymfollow");
    return names.isEmpty() ? "0" : String.join("|", names);
  }

  static String propagation(long flag) {
    List<String> names = new ArrayList<>();
    name(names, flag, Uapi.MS_SHARED, "shared");
    name(names, flag, Uapi.MS_SLAVE, "slave");
    name(names, flag, Uapi.MS_PRIVATE, "private");
    name(names, flag, Uapi.MS_UNBINDABLE, "unbindable");
    return String.join("|", names);
  }

  private static void name(List<String> names, long value, long bit, String name) {
    if ((value & bit) != 0) {
      names.add(name);
    }
  }
}
