package dev.berth.sandbox;

import dev.berth.base.BerthException;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;

/**
 * Marks pods and containers whose usage cannot be read: lists go on without them, and this says
 * which and why. Thread-safe.
 */
final class UnreadUsage {
  private static final System.Logger LOG = System.getLogger(UnreadUsage.class.getName());

  private final Map<String, Mark> marks = new ConcurrentHashMap<>();
  private final AtomicLong total = new AtomicLong();

  private record Mark(String reason, int failuresInARow) {}

  /**
   * Marks one. It is logged when it fails for the second time in a row: one that ends at this
   * moment fails but once.
   */
  void failed(String id, BerthException failure) {
    total.incrementAndGet();
    String reason = String.valueOf(failure.getMessage());
    Mark mark =
        marks.merge(
            id,
            new Mark(reason, 1),
            (before, now) -> new Mark(now.reason, before.failuresInARow + 1));
    if (mark.failuresInARow == 2) {
      LOG.log(System.Logger.Level.WARNING, "lists of usage leave out " + id, failure);
    }
  }

  void succeeded(String id) {
    marks.remove(id);
  }

  /** Forgets all but these. */
  void retain(Set<String> ids) {
    marks.keySet().retainAll(ids);
  }

  UsageGaps gaps() {
    return new UsageGaps(
        marks.entrySet().stream()
            .collect(Collectors.toMap(Map.Entry::getKey, mark -> mark.getValue().reason)),
        total.get());
  }
}
