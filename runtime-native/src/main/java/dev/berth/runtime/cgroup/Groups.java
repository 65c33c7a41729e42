package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Rollback;
import dev.berth.runtime.kernel.ControlTree;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.Processes;
import java.util.ArrayList;
import java.util.List;

/** What is done with the directories of a group alike in every hierarchy. */
final class Groups {
  static final String PROCS = "cgroup.procs";
  private static final int SIGKILL = 9;

  private Groups() {}

  /**
   * Makes the directory of a group and those above it that are missing.
   *
   * @param rollback gets the removal of what was made
   * @return false if the group was there already
   */
  static boolean make(ControlTree tree, CgroupPath path, Rollback rollback) {
    try {
      return makeOne(tree, path, rollback);
    } catch (NativeException e) {
      if (!e.is(Errno.ENOENT)) {
        throw e;
      }
    }
    path.ancestors().forEach(ancestor -> makeOne(tree, ancestor, rollback));
    return makeOne(tree, path, rollback);
  }

  private static boolean makeOne(ControlTree tree, CgroupPath path, Rollback rollback) {
    boolean made = tree.makeDirectory(path.relative());
    if (made) {
      rollback.onFailure("remove cgroup " + path, () -> tree.removeDirectory(path.relative()));
    }
    return made;
  }

  /** Refuses to take over a group that someone uses. */
  static void requireVacant(ControlTree tree, CgroupPath path) {
    List<Long> processes = members(tree, path);
    if (!processes.isEmpty()) {
      throw new BerthException(
          Kind.FAILED_PRECONDITION,
          "cgroup " + path + " exists and has processes in it: " + some(processes));
    }
  }

  static BerthException frozen(CgroupPath path) {
    return new BerthException(
        Kind.FAILED_PRECONDITION, "cgroup " + path + " is frozen: no process could start in it");
  }

  /** Returns the processes of the group alone; none if it is gone. */
  static List<Long> members(ControlTree tree, CgroupPath path) {
    return tree.readIfPresent(path.file(PROCS)).stream()
        .flatMap(String::lines)
        .map(Long::valueOf)
        .toList();
  }

  /** Returns the processes of the group and of those below it. */
  static List<Long> membersBelow(ControlTree tree, CgroupPath path) {
    List<Long> processes = new ArrayList<>(members(tree, path));
    for (String name : tree.directories(path.relative())) {
      processes.addAll(membersBelow(tree, path.child(name)));
    }
    return processes;
  }

  /** Removes the group, the groups below it first, and waits while it is busy. */
  static void remove(ControlTree tree, CgroupPath path, Pause pause) {
    while (!removed(tree, path)) {
      for (String name : tree.directories(path.relative())) {
        remove(tree, path.child(name), pause);
      }
      if (!removed(tree, path)) {
        if (!pause.elapse()) {
          throw stillBusy(tree, path);
        }
      } else {
        return;
      }
    }
  }

  private static boolean removed(ControlTree tree, CgroupPath path) {
    try {
      tree.removeDirectory(path.relative());
      return true;
    } catch (NativeException e) {
      if (e.is(Errno.EBUSY) || e.is(Errno.ENOTEMPTY)) {
        return false;
      }
      throw e;
    }
  }

  static BerthException stillBusy(ControlTree tree, CgroupPath path) {
    return new BerthException(
        Kind.FAILED_PRECONDITION,
        "cannot remove cgroup "
            + tree.mountPoint()
            + path
            + ": processes are still in it: "
            + some(membersBelow(tree, path)));
  }

  static String some(List<Long> processes) {
    return processes.size() <= 5
        ? processes.toString()
        : processes.subList(0, 5) + " and " + (processes.size() - 5) + " more";
  }

  /** Sends SIGKILL to processes that are still there. */
  static void kill(List<Long> processes) {
    for (long pid : processes) {
      Processes.open((int) pid)
          .ifPresent(pidfd -> {
            try (Fd open = pidfd) {
              Processes.signal(open, SIGKILL);
            }
          });
    }
  }
}
