package dev.berth.sandbox;

import dev.berth.base.BerthException;
import dev.berth.image.FsUsage;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;

/**
 * How much containers have written, measured one at a time in the background: a walk over a million
 * files must not hold up a list. Thread-safe.
 */
final class WritableLayers implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(WritableLayers.class.getName());

  /** How old a figure may be before it is measured again; the kubelet asks every 10 seconds. */
  private static final Duration FRESH = Duration.ofSeconds(10);

  private final ContainerImages images;
  private final Map<String, FsUsage> measured = new ConcurrentHashMap<>();
  private final Set<String> queued = ConcurrentHashMap.newKeySet();
  private final ExecutorService walker;

  WritableLayers(ContainerImages images) {
    this.images = images;
    var pool =
        new ThreadPoolExecutor(
            1,
            1,
            FRESH.toSeconds(),
            TimeUnit.SECONDS,
            new LinkedBlockingQueue<>(),
            Thread.ofPlatform().name("berth-layer-usage").daemon().factory());
    pool.allowCoreThreadTimeOut(true);
    this.walker = pool;
  }

  /** Returns the latest figure, if there is one, and has a new one measured if that is old. */
  Optional<FsUsage> usage(String snapshotKey) {
    Optional<FsUsage> known = Optional.ofNullable(measured.get(snapshotKey));
    boolean fresh = known.isPresent() && known.get().takenAt().plus(FRESH).isAfter(Instant.now());
    if (!fresh && queued.add(snapshotKey)) {
      walker.execute(() -> measure(snapshotKey));
    }
    return known;
  }

  private void measure(String snapshotKey) {
    try {
      measured.put(snapshotKey, images.usage(snapshotKey));
    } catch (BerthException e) {
      measured.remove(snapshotKey);
      LOG.log(System.Logger.Level.DEBUG, "cannot measure the layer of " + snapshotKey, e);
    } finally {
      queued.remove(snapshotKey);
    }
  }

  /** Forgets all figures but these. */
  void retain(Set<String> snapshotKeys) {
    measured.keySet().retainAll(snapshotKeys);
  }

  @Override
  public void close() {
    walker.shutdownNow();
  }
}
