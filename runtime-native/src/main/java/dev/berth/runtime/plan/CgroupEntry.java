package dev.berth.runtime.plan;

import java.util.List;

/** How the container's process enters its cgroup, and what a {@code cgroup} mount shows it. */
public sealed interface CgroupEntry {

  /** Stays where the stub is. */
  record None() implements CgroupEntry {}

  /**
   * Writes itself into {@code cgroup.procs} of each hierarchy, passed as descriptors {@code
   * cgroup.0}, {@code cgroup.1}, ...
   *
   * @param hierarchies how many descriptors there are
   * @param views what a mount of type cgroup binds, in this order
   */
  record V1(int hierarchies, List<View> views) implements CgroupEntry {
    public V1 {
      views = List.copyOf(views);
    }

    /** A hierarchy's directory of this container, under the name it has in /sys/fs/cgroup. */
    public record View(String name, String directory) {}
  }

  /** Is cloned into the directory passed as descriptor {@code cgroup}. */
  record V2() implements CgroupEntry {}
}
