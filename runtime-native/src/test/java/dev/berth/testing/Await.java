package dev.berth.testing;

import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.Callable;
import java.util.concurrent.locks.LockSupport;

/** Waits for a condition with a deadline: the only way a test here waits. */
public final class Await {
  private Await() {}

  /** Returns once {@code condition} is true, and fails with {@code what} after {@code limit}. */
  public static void until(String what, Duration limit, Callable<Boolean> condition) {
    Instant deadline = Instant.now().plus(limit);
    while (true) {
      try {
        if (condition.call()) {
          return;
        }
      } catch (Exception e) {
        throw new AssertionError("while waiting until " + what, e);
      }
      if (Instant.now().isAfter(deadline)) {
        throw new AssertionError("not within " + limit + ": " + what);
      }
      LockSupport.parkNanos(2_000_000);
    }
  }
}
