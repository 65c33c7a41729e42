package dev.berth.shim;

import static java.lang.System.Logger.Level.WARNING;

import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.ProcessTree;
import dev.berth.runtime.kernel.Processes;
import java.time.Duration;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.function.IntPredicate;

/**
 * Reaps what nobody waits for. A container in the host's pid namespace has no init of its own, so
 * what its processes leave when they end becomes a child of this subreaper, as does what a hook has
 * left; ended and unreaped it would hold its number for as long as the shim lives.
 *
 * <p>Whoever waits for a child of its own does so within moments of its end. So what has ended, and
 * is neither a process of a task nor a berth-init, and is still there at the next look, is
 * nobody's.
 */
final class StrayReaper {
  private static final System.Logger LOG = System.getLogger(StrayReaper.class.getName());
  private static final Duration STEP = Duration.ofSeconds(5);

  private final IntPredicate isWaitedFor;
  private Set<Stray> seen = Set.of();

  /** A process, which its start tells from a later one of the same number. */
  private record Stray(int pid, long startTime) {}

  /**
   * @param isWaitedFor whether a pid is that of a process which a task waits for
   */
  StrayReaper(IntPredicate isWaitedFor) {
    this.isWaitedFor = isWaitedFor;
  }

  void start() {
    Thread.ofVirtual().name("shim-strays").start(this::run);
  }

  private void run() {
    try {
      while (true) {
        Thread.sleep(STEP);
        look();
      }
    } catch (InterruptedException e) {
      // nobody does that: the thread ends with the process
    }
  }

  private void look() {
    try {
      Set<Stray> found = find();
      found.stream().filter(seen::contains).forEach(StrayReaper::reap);
      seen = found;
    } catch (RuntimeException e) { // the next look may succeed
      LOG.log(WARNING, "cannot look for ended processes that nobody waits for", e);
    }
  }

  private Set<Stray> find() {
    Set<Stray> found = new HashSet<>();
    for (int pid : ProcessTree.ownChildren()) {
      if (Processes.isZombie(pid)
          && !Processes.isNamed(pid, "berth-init")
          && !isWaitedFor.test(pid)) {
        Processes.startTime(pid).ifPresent(start -> found.add(new Stray(pid, start)));
      }
    }
    return found;
  }

  /** A zombie keeps its number until this has reaped it. */
  private static void reap(Stray stray) {
    Optional<Fd> opened = Processes.open(stray.pid());
    if (opened.isEmpty()) {
      return;
    }
    try (Fd pidfd = opened.get()) {
      var _ = Processes.reap(pidfd);
    } catch (NativeException e) {
      LOG.log(WARNING, "cannot reap pid " + stray.pid(), e);
    }
  }
}
