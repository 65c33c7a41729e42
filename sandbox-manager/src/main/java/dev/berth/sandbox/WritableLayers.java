package dev.berth.sandbox;

import dev.berth.base.BerthException;
import dev.berth.image.FsUsage;
import java.time.Duration;
import java.time.Instant;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.LinkedBlockingQueue;
import java.util.concurrent.ThreadPoolExecutor;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/**
 * How much containers have written, measured one at a time in the background: a walk over a million
 * files must not hold up a list. Thread-safe.
 */
final class WritableLayers implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(WritableLayers.class.getName());

  /** How old a figure may be before it is measured again; the kubelet asks every 10 seconds. */
  private static final Duration FRESH = Duration.ofSeconds(10);

  /** A walk takes at most one part of so many of the time: files by the million take long. */
  private static final int REST = 20;

  private final ContainerImages images;
  private final Map<String, Measured> measured = new ConcurrentHashMap<>();
  private final Map<String, CompletableFuture<Void>> queued = new ConcurrentHashMap<>();
  private final ExecutorService walker;

  private record Measured(FsUsage usage, Duration lasts) {
    boolean isFresh(Instant now) {
      return usage.takenAt().plus(lasts).isAfter(now);
    }
  }

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
    Measured known = measured.get(snapshotKey);
    if (known == null || !known.isFresh(Instant.now())) {
      CompletableFuture<Void> _ = enqueue(snapshotKey);
    }
    return Optional.ofNullable(known).map(Measured::usage);
  }

  /** Like {@link #usage}, but waits for the first figure of a layer if there is none. */
  Optional<FsUsage> usageWithin(String snapshotKey, Duration limit) {
    Optional<FsUsage> known = usage(snapshotKey);
    if (known.isPresent() || limit.isNegative()) {
      return known;
    }
    try {
      enqueue(snapshotKey).get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (TimeoutException | ExecutionException e) {
      LOG.log(System.Logger.Level.DEBUG, "no figure yet for the layer of " + snapshotKey, e);
    }
    return Optional.ofNullable(measured.get(snapshotKey)).map(Measured::usage);
  }

  private CompletableFuture<Void> enqueue(String snapshotKey) {
    return queued.computeIfAbsent(
        snapshotKey, key -> CompletableFuture.runAsync(() -> measure(key), walker));
  }

  private void measure(String snapshotKey) {
    Instant begun = Instant.now();
    try {
      FsUsage usage = images.usage(snapshotKey);
      Duration took = Duration.between(begun, usage.takenAt());
      measured.put(snapshotKey, new Measured(usage, longer(FRESH, took.multipliedBy(REST))));
    } catch (BerthException e) {
      measured.remove(snapshotKey);
      LOG.log(System.Logger.Level.DEBUG, "cannot measure the layer of " + snapshotKey, e);
    } finally {
      queued.remove(snapshotKey);
    }
  }

  private static Duration longer(Duration a, Duration b) {
    return a.compareTo(b) < 0 ? b : a;
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
