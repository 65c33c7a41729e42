package dev.berth.runtime.kernel;

import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.FutureTask;

/**
 * Runs native calls that can wait. On a virtual thread such a call would pin its carrier, of which
 * there are as many as processors, so it goes to a pooled platform thread while the virtual thread
 * parks.
 */
final class PlatformThreads {
  private static final ExecutorService POOL =
      Executors.newCachedThreadPool(
          Thread.ofPlatform().name("berth-native-wait-", 0).daemon().factory());

  private PlatformThreads() {}

  /** Runs {@code work} on this thread if it is a platform thread, else on one of the pool. */
  static <T> T waiting(Callable<T> work) {
    try {
      return Thread.currentThread().isVirtual() ? join(POOL.submit(work)) : work.call();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new IllegalStateException("a native wait failed", e);
    }
  }

  /**
   * Runs {@code work} on a thread of its own, which has ended when this returns: for calls that
   * leave their mark on the thread, such as a namespace, which it would keep alive.
   *
   * <p>Whatever thread it started would have the mark too, and stay. So it wakes nobody: to go on,
   * a virtual thread may need a new carrier, which the thread that wakes it starts. The caller sees
   * its end, of which the JVM tells by a thread of its own.
   */
  static <T> T onThrowAwayThread(String name, Callable<T> work) {
    var task = new FutureTask<>(work);
    awaitEnd(Thread.ofPlatform().name(name).daemon().start(task));
    return join(task);
  }

  /** Waits for the end of a thread; an interrupt is kept for later. */
  static void awaitEnd(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true;
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }

  /** An interrupt does not abandon the wait, which has a deadline of its own, but is kept. */
  private static <T> T join(Future<T> future) {
    boolean interrupted = false;
    try {
      while (true) {
        try {
          return future.get();
        } catch (InterruptedException e) {
          interrupted = true;
        }
      }
    } catch (ExecutionException e) {
      if (e.getCause() instanceof RuntimeException failure) {
        throw failure;
      }
      throw new IllegalStateException("a native wait failed", e.getCause());
    } finally {
      if (interrupted) {
        Thread.currentThread().interrupt();
      }
    }
  }
}
