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
    try {
      if (!within(limit, condition)) {
        throw new AssertionError("not within " + limit + ": " + what);
      }
    } catch (Exception e) {
      throw new AssertionError("while waiting until " + what, e);
    }
  }

  /** Waits for {@code condition} and says whether it came true within {@code limit}. */
  public static boolean within(Duration limit, Callable<Boolean> condition) throws Exception {
    Instant deadline = Instant.now().plus(limit);
    while (!condition.call()) {
      if (Instant.now().isAfter(deadline)) {
        return false;
      }
      LockSupport.parkNanos(2_000_000);
    }
    return true;
  }
}
