package dev.berth.image;

import dev.berth.base.BerthException;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;

/**
 * What all containers together have written. Nothing tells that a file deep in a tree has grown, so
 * each is walked anew when its figure is old: ten seconds, and longer for trees whose walk takes
 * long. Thread-safe.
 */
final class SnapshotUsage {
  private static final Duration FRESH = Duration.ofSeconds(10);

  /** A walk takes at most one part of so many of the time. */
  private static final int REST = 20;

  private final Snapshots snapshots;
  private final Clock clock;
  private final Map<String, Measured> measured = new ConcurrentHashMap<>();

  private record Measured(FsUsage usage, Instant until) {}

  SnapshotUsage(Snapshots snapshots, Clock clock) {
    this.snapshots = snapshots;
    this.clock = clock;
  }

  /** Adds up bytes and inodes of all snapshots there are. Needs a platform thread. */
  FsUsage total() {
    List<String> keys = snapshots.list();
    measured.keySet().retainAll(keys);
    long bytes = 0;
    long inodes = 0;
    for (String key : keys) {
      FsUsage usage = measure(key);
      bytes += usage.usedBytes();
      inodes += usage.inodesUsed();
    }
    return new FsUsage(snapshots.directory(), bytes, inodes, clock.instant());
  }

  private FsUsage measure(String key) {
    Instant now = clock.instant();
    Measured known = measured.get(key);
    if (known != null && known.until().isAfter(now)) {
      return known.usage();
    }
    try {
      FsUsage usage = snapshots.usage(key);
      Duration rest = Duration.between(now, clock.instant()).multipliedBy(REST);
      Duration lasts = rest.compareTo(FRESH) > 0 ? rest : FRESH;
      measured.put(key, new Measured(usage, now.plus(lasts)));
      return usage;
    } catch (BerthException e) { // it was recorded a moment ago and is not made yet, or it went
      return new FsUsage(snapshots.directory(), 0, 0, now);
    }
  }
}
