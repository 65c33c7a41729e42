package dev.berth.runtime.spec;

import java.util.Map;
import java.util.Optional;
import java.util.Set;

/** What {@code linux.timeOffsets} must satisfy: time_namespaces(7). */
final class TimeRules {
  private static final Set<String> CLOCKS = Set.of("monotonic", "boottime");

  /** Half of what fits 64 bits of nanoseconds: KTIME_SEC_MAX / 2 of linux/ktime.h. */
  private static final long MAX_SECONDS = Long.MAX_VALUE / 1_000_000_000 / 2;

  private TimeRules() {}

  static void check(Field field, Linux linux) {
    if (linux.timeOffsets().isEmpty()) {
      return;
    }
    Optional<Namespace> time = linux.namespace("time");
    field.require(time.isPresent(), "needs a time namespace");
    // The clocks of a namespace stand fast once a process has entered it.
    field.require(
        time.filter(namespace -> namespace.path() == null).isPresent(),
        "cannot be set in a time namespace that is joined by path");
    for (Map.Entry<String, TimeOffset> entry : linux.timeOffsets().entrySet()) {
      Field clock = field.entry(entry.getKey());
      clock.require(CLOCKS.contains(entry.getKey()), "expected monotonic or boottime");
      clock.child("secs").requireRange(entry.getValue().secs(), -MAX_SECONDS, MAX_SECONDS);
      clock.child("nanosecs").requireRange(entry.getValue().nanosecs(), 0, 999_999_999);
    }
  }
}
