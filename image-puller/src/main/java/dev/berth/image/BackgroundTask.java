package dev.berth.image;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Repeats a piece of work in the background as often as it is asked for, never twice at once.
 *
 * <p>Asking while it runs makes it run once more. The thread, a platform one, exists only
 * meanwhile. Thread-safe.
 */
final class BackgroundTask implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(BackgroundTask.class.getName());
  private static final long TICK_MILLIS = 50;
  private static final Duration PATIENCE = Duration.ofSeconds(30);

  private final String name;
  private final Runnable work;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition idle = lock.newCondition();

  @GuardedBy("lock") private boolean running;

  @GuardedBy("lock") private boolean again;

  @GuardedBy("lock") private boolean closed;

  /** Runs that have begun, and that have ended. */
  @GuardedBy("lock") private long begun;

  @GuardedBy("lock") private long ended;

  /**
   * Prepares a task.
   *
   * @param name of its thread
   * @param work what it throws is logged
   */
  BackgroundTask(String name, Runnable work) {
    this.name = name;
    this.work = work;
  }

  /** Asks for a run that begins after this call. Does nothing once closed. */
  void start() {
    lock.lock();
    try {
      again = !closed;
      if (again && !running) {
        running = true;
        Thread.ofPlatform().daemon().name(name).start(this::run);
      }
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    while (claim()) {
      try {
        work.run();
      } catch (RuntimeException e) { // outermost of its thread: the next run may do better
        LOG.log(System.Logger.Level.ERROR, name + " failed", e);
      }
    }
  }

  private boolean claim() {
    lock.lock();
    try {
      boolean wanted = again;
      again = false;
      ended = begun;
      if (wanted) {
        begun++;
      }
      idle.signalAll();
      if (!wanted) {
        running = false; // under the same lock: a start from now on needs a new thread
      }
      return wanted;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Asks for a run and waits until one that began after this call has ended.
   *
   * @param operation ends the wait, not the run
   */
  void await(Operation operation) {
    lock.lock();
    try {
      start();
      long awaited = begun + 1;
      while (ended < awaited && !closed) {
        operation.check();
        boolean _ = idle.await(TICK_MILLIS, TimeUnit.MILLISECONDS);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(BerthException.Kind.CANCELLED, name + ": interrupted", e);
    } finally {
      lock.unlock();
    }
  }

  /** Starts nothing more and waits for what runs, within reason. Idempotent. */
  @Override
  public void close() {
    lock.lock();
    try {
      closed = true;
      again = false;
      long left = PATIENCE.toNanos();
      while (running && left > 0) {
        left = idle.awaitNanos(left);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      lock.unlock();
    }
  }
}
