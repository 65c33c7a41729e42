package dev.berth.runtime.cgroup;

import dev.berth.runtime.kernel.ControlTree;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * A mounted hierarchy of cgroup v1.
 *
 * @param names controllers that share it, or one {@code name=...}
 * @param root the directory of the hierarchy where {@code tree} begins, {@code /} on a host
 */
record V1Hierarchy(Set<String> names, String root, ControlTree tree) {
  static V1Hierarchy open(MountInfo mount) {
    return new V1Hierarchy(mount.hierarchy(), mount.root(), ControlTree.open(mount.mountPoint()));
  }

  Set<String> controllers() {
    return names.stream()
        .filter(name -> !name.startsWith("name="))
        .collect(Collectors.toUnmodifiableSet());
  }

  boolean has(String controller) {
    return names.contains(controller);
  }

  @Override
  public String toString() {
    return String.join(",", names);
  }
}
