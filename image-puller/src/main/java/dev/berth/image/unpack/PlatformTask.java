package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Runs work that makes native calls or computes for long away from the virtual threads. */
final class PlatformTask {
  private PlatformTask() {}

  /** Runs to the end even if the caller is interrupted meanwhile. */
  static void run(String name, Runnable work) {
    var task = new FutureTask<Void>(work, null);
    join(Thread.ofPlatform().daemon().name(name).start(task));
    try {
      task.get();
    } catch (ExecutionException e) {
      throw e.getCause() instanceof BerthException known
          ? known
          : new BerthException(INTERNAL, name + " failed: " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(BerthException.Kind.CANCELLED, name + ": interrupted", e);
    }
  }

  /** Waits for a thread whatever happens; an interrupt is kept for later. */
  static void join(Thread thread) {
    boolean interrupted = false;
    while (thread.isAlive()) {
      try {
        thread.join();
      } catch (InterruptedException e) {
        interrupted = true; // it writes to a directory that is ours to clean up
      }
    }
    if (interrupted) {
      Thread.currentThread().interrupt();
    }
  }
}
