package dev.berth.runtime.task;

import static java.lang.System.Logger.Level.WARNING;

import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.ProcessTree;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.kernel.Spawner;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Optional;

/**
 * Ends what a killed process has left: of a launch whose stub was killed, by us because it did not
 * end by itself or by the kernel, and of a hook.
 *
 * <p>The processes of a launch are waiting for a stub that is no more, or about to notice; but
 * where this process is a subreaper they become its children, and a zombie that nobody reaps keeps
 * its PID namespace. They are told from the children that belong to tasks by their session, which
 * is named by its leader's number: up to the start gate all that a stub makes is in the stub's.
 */
final class Orphans {
  private static final System.Logger LOG = System.getLogger(Orphans.class.getName());
  private static final Duration LIMIT = Duration.ofSeconds(5);
  private static final int SIGKILL = 9;

  private Orphans() {}

  /** Kills a child and all that it has made, which this process may be no subreaper for. */
  static void killWithDescendants(Spawner.Child child) {
    List<Fd> made = ProcessTree.openDescendants(child.pid()); // once it is dead they are not its
    Processes.signal(child.pidfd(), SIGKILL);
    for (Fd process : made) {
      try (process) {
        Processes.signal(process, SIGKILL);
      }
    }
  }

  /**
   * Kills and reaps what a child has left to this process; logs what does not die.
   *
   * @param leader a child that leads a session and is not reaped yet: no other has its number
   */
  static void endAll(int leader) {
    Instant deadline = Instant.now().plus(LIMIT);
    // The end of one may leave its own children to this process.
    for (var left = find(leader); !left.isEmpty(); left = find(leader)) {
      for (int orphan : left) {
        if (!end(orphan, Duration.between(Instant.now(), deadline))) {
          LOG.log(WARNING, "pid " + orphan + ", left by pid " + leader + ", does not end");
          return;
        }
      }
    }
  }

  private static List<Integer> find(int leader) {
    return ProcessTree.ownChildren().stream()
        .filter(pid -> pid != leader && Processes.session(pid).orElse(0) == leader)
        .toList();
  }

  /** A child that nobody else reaps: its number means it until this has done so. */
  private static boolean end(int orphan, Duration limit) {
    Optional<Fd> opened = Processes.open(orphan);
    if (opened.isEmpty()) {
      return true;
    }
    try (Fd pidfd = opened.get()) {
      Processes.signal(pidfd, SIGKILL);
      return Processes.waitFor(pidfd, limit.isNegative() ? Duration.ZERO : limit).isPresent();
    } catch (NativeException e) {
      LOG.log(WARNING, "cannot end pid " + orphan + ", which a child has left", e);
      return false;
    }
  }
}
