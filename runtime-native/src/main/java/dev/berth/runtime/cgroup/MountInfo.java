package dev.berth.runtime.cgroup;

import dev.berth.runtime.kernel.MountPoints;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;

/**
 * The cgroup mounts of a {@code /proc/PID/mountinfo}, see proc_pid_mountinfo(5).
 *
 * @param root the directory of the hierarchy that is seen at the mount point
 * @param hierarchy the controllers of a v1 hierarchy or its {@code name=}, empty for v2
 */
record MountInfo(Path mountPoint, String root, Set<String> hierarchy, boolean unified) {
  /**
   * Reads the mounts in their order.
   *
   * @param controllers the names that /proc/cgroups lists: the other options of a mount are options
   */
  static List<MountInfo> parse(String mountinfo, Set<String> controllers) {
    List<MountInfo> mounts = new ArrayList<>();
    for (String line : mountinfo.lines().toList()) {
      // 31 23 0:28 ROOT MOUNTPOINT options optional-fields... - TYPE SOURCE SUPEROPTIONS
      String[] halves = line.split(" - ", 2);
      if (halves.length < 2) {
        continue;
      }
      String[] left = halves[0].split(" ", -1);
      String[] right = halves[1].split(" ", -1);
      if (right[0].equals("cgroup2")) {
        mounts.add(new MountInfo(path(left[4]), MountPoints.unescape(left[3]), Set.of(), true));
      } else if (right[0].equals("cgroup")) {
        Set<String> hierarchy = hierarchy(right[2], controllers);
        mounts.add(new MountInfo(path(left[4]), MountPoints.unescape(left[3]), hierarchy, false));
      }
    }
    return mounts;
  }

  private static Set<String> hierarchy(String options, Set<String> controllers) {
    Set<String> found = new TreeSet<>();
    for (String option : options.split(",", -1)) {
      if (controllers.contains(option) || option.startsWith("name=")) {
        found.add(option);
      }
    }
    return found;
  }

  private static Path path(String escaped) {
    return Path.of(MountPoints.unescape(escaped));
  }
}
