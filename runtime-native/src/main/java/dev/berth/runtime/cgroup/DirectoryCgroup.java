package dev.berth.runtime.cgroup;

import dev.berth.runtime.spec.Resources;
import java.time.Duration;
import java.util.List;

/** A group as the file system shows it, whoever made it. */
sealed interface DirectoryCgroup extends Cgroup permits V1Cgroup, V2Cgroup {
  /**
   * Makes what is missing of a group that someone else has made and put a process in: its
   * directories in further hierarchies, with that process, and its controllers.
   */
  void complete(long pid);

  /** Returns what {@link #apply} writes, without device rules; refuses what it would refuse. */
  List<Setting> settings(Resources resources);

  /**
   * Waits until no process is in the group.
   *
   * @throws dev.berth.base.BerthException FAILED_PRECONDITION naming those that are still there
   *     after {@code limit}
   */
  void awaitEmpty(Duration limit);

  Cgroups.Version version();
}
