package dev.berth.sandbox;

import dev.berth.runtime.kernel.ExitStatus;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Processes;
import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.LockSupport;

/**
 * Knows how the first processes of containers end that nobody else saw end: their stub was killed
 * and then their shim, or the other way round. A pidfd of each tells its exit code also to who is
 * not its parent (PIDFD_GET_INFO with PIDFD_INFO_EXIT, since Linux 6.15), but only to one who had
 * it before the end.
 *
 * <p>Thread-safe.
 */
final class ExitWitness implements AutoCloseable {
  /** The first process of the machine may take its time to reap what it inherits. */
  private static final Duration REAP_LIMIT = Duration.ofSeconds(60);

  private static final long POLL_NANOS = 5_000_000;

  private final Map<String, Fd> processes = new ConcurrentHashMap<>();

  /**
   * Attends to the first process of a container, once again if asked twice.
   *
   * @return false if it has ended; another one may have its number
   */
  boolean attend(String containerId, int pid) {
    Optional<Fd> process = Processes.open(pid);
    if (process.isEmpty()) {
      return false;
    }
    // After the open, so that it is told of the process that is open.
    boolean isOurs = !Processes.isZombie(pid) && Processes.cgroups(pid).contains(containerId);
    Fd before = isOurs ? processes.put(containerId, process.get()) : process.get();
    if (before != null) {
      before.close();
    }
    return isOurs;
  }

  /** Returns the exit code of a process that was attended to and has ended, and lets go of it. */
  OptionalInt codeOf(String containerId) {
    Fd process = processes.remove(containerId);
    if (process == null) {
      return OptionalInt.empty();
    }
    try (process) {
      return code(process);
    }
  }

  private static OptionalInt code(Fd process) {
    if (!Processes.awaitExit(process, Duration.ZERO)) {
      return OptionalInt.empty(); // it runs
    }
    long deadline = System.nanoTime() + REAP_LIMIT.toNanos();
    while (System.nanoTime() - deadline < 0) {
      boolean reaped = !Processes.signal(process, 0);
      Optional<ExitStatus> status = Processes.exitStatus(process);
      if (status.isPresent()) {
        return OptionalInt.of(status.get().shellCode());
      }
      if (reaped) {
        break; // the kernel does not tell
      }
      LockSupport.parkNanos(POLL_NANOS);
    }
    return OptionalInt.empty();
  }

  /** Lets go of a process. Idempotent. */
  void dismiss(String containerId) {
    Fd process = processes.remove(containerId);
    if (process != null) {
      process.close();
    }
  }

  /** Lets go of all. */
  @Override
  public void close() {
    processes.keySet().forEach(this::dismiss);
  }
}
