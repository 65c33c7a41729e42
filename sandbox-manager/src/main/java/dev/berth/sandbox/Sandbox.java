package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Lock;
import java.util.concurrent.locks.ReentrantReadWriteLock;

/**
 * A sandbox: its record and whether it can be used.
 *
 * <pre>
 *   PREPARING -- all made --> READY -- stop --> STOPPED -- remove --> (gone)
 *       |                       |                  ^
 *       +------- undo failed ---+--- stop failed --+-- stop again
 *                 (both listed as NOT_READY until a stop succeeds)
 * </pre>
 *
 * <p>The lock is shared by verbs that work inside the sandbox, such as creating a container, and
 * exclusive for those that change it. Thread-safe.
 */
final class Sandbox {
  private static final Duration LOCK_LIMIT = Duration.ofMinutes(4);

  private final ReentrantReadWriteLock lock = new ReentrantReadWriteLock();
  private final ToldOnce stopNotice;
  private final ToldOnce removeNotice = new ToldOnce(false);
  private volatile SandboxRecord record;
  private volatile boolean usable;
  private volatile boolean removed;

  /** Whether the plugins were called, as far as is known: then they must be called to detach. */
  private volatile boolean networkTouched;

  Sandbox(SandboxRecord record) {
    this.record = record;
    this.stopNotice = new ToldOnce(record.phase() == SandboxRecord.Phase.STOPPED);
  }

  String id() {
    return record.id();
  }

  /** Tells an operation that it works on this sandbox. */
  void concerns(Operation operation) {
    operation.concerns(id(), record.name().toString());
  }

  SandboxRecord record() {
    return record;
  }

  /** Takes over a record that has been made durable. */
  void update(SandboxRecord saved) {
    record = saved;
    usable = saved.phase() == SandboxRecord.Phase.READY;
  }

  /** Takes over a record that differs in its configuration alone. */
  void describe(SandboxRecord saved) {
    record = saved;
  }

  /** Lists it as NOT_READY from now on, whatever its record says: it is being taken apart. */
  void markUnusable() {
    usable = false;
  }

  /** What tells plugins that it is stopped. */
  ToldOnce stopNotice() {
    return stopNotice;
  }

  /** What tells plugins that it is removed. */
  ToldOnce removeNotice() {
    return removeNotice;
  }

  boolean isReleased() {
    return record.phase() == SandboxRecord.Phase.STOPPED;
  }

  boolean isRemoved() {
    return removed;
  }

  /**
   * Requires it to be there still, of whoever found it and then waited.
   *
   * @throws BerthException NOT_FOUND if it was removed meanwhile
   */
  void requireThere() {
    if (removed) {
      throw new BerthException(NOT_FOUND, "sandbox " + id() + " was removed");
    }
  }

  void markRemoved() {
    removed = true;
    usable = false;
  }

  boolean isNetworkTouched() {
    return networkTouched;
  }

  void markNetworkTouched(boolean touched) {
    networkTouched = touched;
  }

  SandboxState state() {
    return usable ? SandboxState.READY : SandboxState.NOT_READY;
  }

  SandboxStatus status(PodPaths paths) {
    SandboxRecord current = record;
    SandboxState state = state();
    boolean hasNetwork = !SandboxConfigs.hasHostNetwork(current.config());
    return new SandboxStatus(
        current.id(),
        current.config(),
        current.runtimeHandler(),
        state,
        current.createdAt(),
        state == SandboxState.READY ? current.ips() : java.util.List.of(),
        current.cniResult(),
        hasNetwork ? paths.networkNamespace(current.id()) : "");
  }

  /** Keeps the sandbox as it is while {@link Held} is open; many may. */
  Held use(Operation operation) {
    return take(lock.readLock(), operation);
  }

  /** Keeps all others out while {@link Held} is open. */
  Held change(Operation operation) {
    return take(lock.writeLock(), operation);
  }

  private Held take(Lock one, Operation operation) {
    try {
      if (!one.tryLock(operation.remaining(LOCK_LIMIT).toNanos(), TimeUnit.NANOSECONDS)) {
        throw new BerthException(
            DEADLINE_EXCEEDED, operation + ": another operation keeps sandbox " + id());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, operation + ": interrupted", e);
    }
    return new Held(one);
  }

  /** A lock that is held; closing it gives it back. Belongs to the thread that took it. */
  record Held(Lock lock) implements AutoCloseable {
    @Override
    public void close() {
      lock.unlock();
    }
  }
}
