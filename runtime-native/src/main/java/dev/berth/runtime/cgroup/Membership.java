package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;

/**
 * Where a process is, from {@code /proc/PID/cgroup} (see cgroups(7)).
 *
 * @param paths by the controllers of a hierarchy; an empty set is v2
 */
record Membership(long pid, Map<Set<String>, String> paths) {
  static Membership of(long pid) {
    try {
      return parse(pid, Files.readString(Path.of("/proc/" + pid + "/cgroup")));
    } catch (NoSuchFileException e) {
      throw new BerthException(Kind.NOT_FOUND, "there is no process " + pid, e);
    } catch (IOException e) {
      throw new BerthException(Kind.INTERNAL, "cannot read the cgroup of process " + pid, e);
    }
  }

  static Membership parse(long pid, String procCgroup) {
    Map<Set<String>, String> paths = new HashMap<>();
    for (String line : procCgroup.lines().toList()) {
      String[] cells = line.split(":", 3); // ID:CONTROLLERS:PATH
      paths.put(
          cells[1].isEmpty() ? Set.of() : new TreeSet<>(Arrays.asList(cells[1].split(",", -1))),
          cells[2]);
    }
    return new Membership(pid, paths);
  }

  /** Checks one hierarchy; {@code root} is the part of the path above the mount. */
  void require(Set<String> hierarchy, String root, CgroupPath expected) {
    String path = (root.equals("/") ? "" : root) + expected;
    String actual = paths.get(hierarchy);
    if (!path.equals(actual)) {
      throw new BerthException(
          Kind.INTERNAL,
          "process "
              + pid
              + " should be in cgroup "
              + path
              + " but is in "
              + (actual == null ? "none" : Ids.printable(actual))
              + (hierarchy.isEmpty() ? "" : " of " + String.join(",", hierarchy)));
    }
  }
}
