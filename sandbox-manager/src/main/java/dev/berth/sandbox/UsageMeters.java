package dev.berth.sandbox;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.CgroupMeter;
import dev.berth.runtime.cgroup.CgroupPath;
import dev.berth.runtime.cgroup.CgroupStats;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.kernel.ReadBuffer;
import java.time.Duration;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * The cgroups of pods and containers, with the files that their figures are read from kept open
 * while someone asks for them.
 *
 * <p>Files are closed when what they tell of has ended, and when nobody has read them for a minute:
 * a kubelet asks for containers every 10 seconds and need not ask for pods at all. There is a most
 * of them; beyond it files are opened for each reading. Thread-safe.
 */
final class UsageMeters implements AutoCloseable {
  private static final long IDLE_NANOS = Duration.ofMinutes(1).toNanos();

  private final int mostMeters;
  private final Map<String, Kept> meters = new ConcurrentHashMap<>();
  private volatile @Nullable Cgroups cgroups; // opened by the first who asks

  private static final class Kept {
    final CgroupMeter meter;
    volatile long readAtNanos = System.nanoTime();

    Kept(CgroupMeter meter) {
      this.meter = meter;
    }
  }

  /**
   * @param mostFiles how many may be open at a time
   */
  UsageMeters(int mostFiles) {
    this.mostMeters = mostFiles / CgroupMeter.MOST_FILES;
  }

  /**
   * Reads what a cgroup uses now.
   *
   * @param id of the pod or container, by which its files are kept
   * @throws BerthException NOT_FOUND if there is no such cgroup
   */
  CgroupStats stats(String id, String cgroup, ReadBuffer buffer) {
    Kept kept = meters.get(id);
    if (kept == null) {
      CgroupMeter meter = group(cgroup).meter();
      if (meters.size() >= mostMeters) {
        try (meter) {
          return meter.stats(buffer);
        }
      }
      Kept fresh = new Kept(meter);
      Kept other = meters.putIfAbsent(id, fresh);
      kept = other != null ? other : fresh;
    }
    kept.readAtNanos = System.nanoTime();
    return kept.meter.stats(buffer);
  }

  Cgroup group(String cgroup) {
    Cgroups known = cgroups;
    if (known == null) {
      known = Cgroups.detect();
      cgroups = known;
    }
    return known.at(CgroupPath.parse(cgroup));
  }

  /** Closes the files of a pod or container that has ended. Idempotent. */
  void forget(String id) {
    Kept kept = meters.remove(id);
    if (kept != null) {
      kept.meter.close();
    }
  }

  /** Closes the files of all but these, and those that were not read for long. */
  void retain(Set<String> ids) {
    long now = System.nanoTime();
    meters.forEach((id, kept) -> {
      if (!ids.contains(id) || now - kept.readAtNanos > IDLE_NANOS) {
        forget(id);
      }
    });
  }

  /** Returns how many files are open now. */
  int openFiles() {
    return meters.values().stream().mapToInt(kept -> kept.meter.openFiles()).sum();
  }

  @Override
  public void close() {
    meters.keySet().forEach(this::forget);
  }
}
