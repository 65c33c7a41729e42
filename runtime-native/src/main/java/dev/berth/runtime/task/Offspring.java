package dev.berth.runtime.task;

import static java.lang.System.Logger.Level.WARNING;

import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.ProcessTree;
import dev.berth.runtime.kernel.Processes;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Kills a command with all that it has made in its container.
 *
 * <p>What it has made is found in two ways. As long as it lives it is its descendant, whatever it
 * has done to itself. Whose parent has ended belongs to the container's first process, but is still
 * in the command's session, whose number the kernel gives to nobody else while there is a member.
 * Only who has done both, as a daemon does, has left the command for good.
 */
final class Offspring {
  private static final System.Logger LOG = System.getLogger(Offspring.class.getName());
  private static final int SIGKILL = 9;

  /** Who multiplies faster than it is found is left to the limits of its container. */
  private static final int MOST_LOOKS = 16;

  private Offspring() {}

  /**
   * @param leader the command: it leads a session, and is not reaped or was the leader of those who
   *     are left
   * @param pidfd of the leader
   * @param container the processes of the container
   */
  static void killAll(int leader, Fd pidfd, Supplier<List<Integer>> container) {
    List<Fd> made = ProcessTree.openDescendants(leader); // once it is dead they are not its
    Processes.signal(pidfd, SIGKILL);
    made.forEach(Offspring::kill);
    Set<Integer> known = new HashSet<>(Set.of(leader));
    for (int look = 0; killSession(leader, container.get(), known); look++) {
      if (look == MOST_LOOKS) {
        LOG.log(WARNING, "not all is killed that pid " + leader + " has made");
        return;
      }
    }
  }

  /** Returns whether there was one that was not known; it is then. */
  private static boolean killSession(int leader, List<Integer> pids, Set<Integer> known) {
    boolean found = false;
    for (int pid : pids) {
      if (isMember(leader, pid) && known.add(pid)) {
        Processes.open(pid)
            .ifPresent(opened -> {
              if (isMember(leader, pid)) { // the number is still its
                kill(opened);
              } else {
                opened.close();
              }
            });
        found = true;
      }
    }
    return found;
  }

  private static void kill(Fd process) {
    try (process) {
      Processes.signal(process, SIGKILL);
    }
  }

  private static boolean isMember(int leader, int pid) {
    return Processes.session(pid).orElse(0) == leader;
  }
}
