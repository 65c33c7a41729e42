package dev.berth.runtime.checkpoint;

import dev.berth.runtime.kernel.MountPoints;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * The mounts of a container, as {@code /proc/PID/mountinfo} lists them; see proc_pid_mountinfo(5).
 */
record MountTable(List<Entry> entries) {
  MountTable {
    entries = List.copyOf(entries);
  }

  /**
   * One mount.
   *
   * @param root which part of the file system is seen, {@code "/"} for all of it
   * @param target where it is seen, absolute, in the container
   */
  record Entry(int id, int major, int minor, String root, String target, String fileSystem) {
    boolean isWhole() {
      return root.equals("/");
    }
  }

  static MountTable parse(String mountinfo) {
    List<Entry> entries = new ArrayList<>();
    for (String line : mountinfo.lines().toList()) {
      // ID PARENT MAJOR:MINOR ROOT TARGET OPTIONS OPTIONAL... - TYPE SOURCE SUPEROPTIONS
      int dash = line.indexOf(" - ");
      String[] left = line.substring(0, dash).split(" ", -1);
      String[] right = line.substring(dash + 3).split(" ", -1);
      String[] device = left[2].split(":", -1);
      entries.add(
          new Entry(
              Integer.parseInt(left[0]),
              Integer.parseInt(device[0]),
              Integer.parseInt(device[1]),
              MountPoints.unescape(left[3]),
              MountPoints.unescape(left[4]),
              right[0]));
    }
    return new MountTable(entries);
  }

  Set<Integer> ids() {
    return entries.stream().map(Entry::id).collect(Collectors.toUnmodifiableSet());
  }
}
