package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import java.util.regex.Pattern;

/**
 * A scope of systemd: a group of processes that systemd did not start, as {@code linux.cgroupsPath}
 * names it in the form {@code slice:prefix:name}. Read as runc reads it.
 *
 * @param slice that the scope is in
 * @param unit {@code prefix-name.scope}
 */
record Scope(Slice slice, String unit) {
  private static final String SUFFIX = ".scope";
  private static final Slice DEFAULT_SLICE = new Slice("system.slice");
  private static final Pattern UNIT = Pattern.compile("[A-Za-z0-9_.@-]{1,249}\\.scope");

  /** Whether a {@code linux.cgroupsPath} has the form that names a scope. */
  static boolean isNamedBy(String cgroupsPath) {
    return !cgroupsPath.startsWith("/") && cgroupsPath.chars().filter(c -> c == ':').count() == 2;
  }

  /**
   * Reads a {@code linux.cgroupsPath}.
   *
   * @throws BerthException INVALID_ARGUMENT naming the part that cannot be
   */
  static Scope parse(String cgroupsPath) {
    String[] parts = cgroupsPath.split(":", -1);
    if (parts.length != 3) {
      throw invalid(cgroupsPath, "is not slice:prefix:name");
    }
    String unit = parts[1] + "-" + parts[2] + SUFFIX;
    if (parts[2].isEmpty() || !UNIT.matcher(unit).matches()) {
      throw invalid(cgroupsPath, "has a prefix or name that no unit of systemd can have");
    }
    try {
      return new Scope(parts[0].isEmpty() ? DEFAULT_SLICE : new Slice(parts[0]), unit);
    } catch (BerthException e) {
      throw invalid(cgroupsPath, ": " + e.getMessage());
    }
  }

  private static BerthException invalid(String path, String why) {
    return new BerthException(
        Kind.INVALID_ARGUMENT, "linux.cgroupsPath \"" + Ids.printable(path) + "\" " + why);
  }

  /** Returns where systemd puts its group. */
  CgroupPath path() {
    String slicePath = slice.relativePath();
    return new CgroupPath(slicePath.isEmpty() ? unit : slicePath + "/" + unit);
  }
}
