package dev.berth.runtime.task;

import dev.berth.runtime.cgroup.CgroupPath;
import java.time.Duration;

/** Removes the parent that a test named for its cgroups. */
final class CgroupCleanup {
  private CgroupCleanup() {}

  static void removeParent(String group) {
    String parent = group.substring(0, group.lastIndexOf('/'));
    TaskFixture.CGROUPS.at(CgroupPath.parse(parent)).delete(Duration.ofSeconds(5));
  }
}
