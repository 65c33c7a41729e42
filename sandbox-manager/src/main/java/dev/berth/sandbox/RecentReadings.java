package dev.berth.sandbox;

import java.time.Duration;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.LongSupplier;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * Readings that serve again for a moment: the kubelet's eviction, its summary and monitoring ask
 * for the same lists, each for itself. Thread-safe; of two who read at once each gets its own.
 */
final class RecentReadings<T> {
  /** An answer may tell of one second ago at most, and takes a moment to get there. */
  static final Duration MOST_AGE = Duration.ofMillis(900);

  private final Map<String, Reading<T>> readings = new ConcurrentHashMap<>();
  private final LongSupplier nanoTime;

  private record Reading<T>(long atNanos, T value) {}

  /**
   * @param nanoTime as {@link System#nanoTime}
   */
  RecentReadings(LongSupplier nanoTime) {
    this.nanoTime = nanoTime;
  }

  /**
   * Returns the last reading, or a new one if that is too old.
   *
   * @param read answers empty for what cannot be read, which is tried again by the next who asks
   */
  Optional<T> of(String id, Supplier<Optional<T>> read) {
    long now = nanoTime.getAsLong();
    @Nullable Reading<T> last = readings.get(id);
    if (last != null && now - last.atNanos <= MOST_AGE.toNanos()) {
      return Optional.of(last.value);
    }
    Optional<T> value = read.get();
    if (value.isPresent()) {
      readings.put(id, new Reading<>(now, value.get()));
    } else {
      readings.remove(id);
    }
    return value;
  }

  /** Forgets all but these. */
  void retain(Set<String> ids) {
    readings.keySet().retainAll(ids);
  }
}
