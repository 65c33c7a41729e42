package dev.berth.sandbox;

import java.time.Duration;
import java.util.Map;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/** Makes rates of CPU time counters, each from two readings. Thread-safe. */
final class CpuRates {
  /** Between closer readings the rate would be noise; who asks again so soon gets the last one. */
  private static final long LEAST_NANOS = Duration.ofMillis(500).toNanos();

  private final Map<String, Reading> last = new ConcurrentHashMap<>();

  private record Reading(long atNanos, long usedNanos, OptionalLong perSecond) {}

  /**
   * Takes a reading of a counter and returns the rate since the one before.
   *
   * @param atNanos of {@link System#nanoTime}
   */
  OptionalLong perSecond(String id, long atNanos, OptionalLong usedNanos) {
    if (usedNanos.isEmpty()) {
      return OptionalLong.empty();
    }
    return last.compute(id, (_, before) -> next(before, atNanos, usedNanos.getAsLong())).perSecond;
  }

  private static Reading next(@Nullable Reading before, long at, long used) {
    if (before == null || used < before.usedNanos) { // the counter of a new cgroup
      return new Reading(at, used, OptionalLong.empty());
    }
    long elapsed = at - before.atNanos;
    if (elapsed < LEAST_NANOS) {
      return before;
    }
    double rate = (double) (used - before.usedNanos) / elapsed * 1e9;
    return new Reading(at, used, OptionalLong.of(Math.round(rate)));
  }

  /** Forgets all counters but these. */
  void retain(Set<String> ids) {
    last.keySet().retainAll(ids);
  }
}
