package dev.berth.runtime.plan;

import java.util.ArrayList;
import java.util.List;

/** Names the flags of openat2 in printed plans. */
final class OpenText {
  private OpenText() {}

  static String of(long flags, long resolve) {
    List<String> names = new ArrayList<>();
    name(names, flags, Uapi.O_PATH, "PATH");
    name(names, flags, Uapi.O_DIRECTORY, "DIRECTORY");
    name(names, flags, Uapi.O_NOFOLLOW, "NOFOLLOW");
    name(names, flags, Uapi.O_WRONLY, "WRONLY");
    name(names, flags, Uapi.O_RDWR, "RDWR");
    name(names, resolve, Uapi.RESOLVE_IN_ROOT, "IN_ROOT");
    name(names, resolve, Uapi.RESOLVE_BENEATH, "BENEATH");
    name(names, resolve, Uapi.RESOLVE_NO_SYMLINKS, "NO_SYMLINKS");
    name(names, resolve, Uapi.RESOLVE_NO_MAGICLINKS, "NO_MAGICLINKS");
    name(names, resolve, Uapi.RESOLVE_NO_XDEV, "NO_XDEV");
    return String.join("|", names);
  }

  private static void name(List<String> names, long value, long bit, String name) {
    if ((value & bit) == bit) {
      names.add(name);
    }
  }
}
