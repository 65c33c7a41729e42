package dev.berth.runtime.cgroup;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/**
 * Waits for something the kernel does not announce: from 0.1 to 10 ms between two looks, twice as
 * long each time. Not thread-safe; used for one wait.
 */
final class Pause {
  private static final long FIRST_NANOS = 100_000;
  private static final long LONGEST_NANOS = 10_000_000;

  private final long deadline;
  private long nanos = FIRST_NANOS;

  Pause(Duration limit) {
    this.deadline = System.nanoTime() + limit.toNanos();
  }

  /** Returns what is left until the limit, zero if it has gone by. */
  Duration left() {
    return Duration.ofNanos(Math.max(0, deadline - System.nanoTime()));
  }

  /** Waits a little; returns false at once if the limit has gone by. */
  boolean elapse() {
    long left = left().toNanos();
    if (left == 0) {
      return false;
    }
    LockSupport.parkNanos(Math.min(nanos, left));
    nanos = Math.min(nanos * 2, LONGEST_NANOS);
    return true;
  }
}
