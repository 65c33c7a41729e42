package dev.berth.image;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;

/** Work that makes native calls and waits for the disk, and so needs a platform thread. */
final class PlatformCall {
  private PlatformCall() {}

  /**
   * Does the work on a thread of its own and waits for it.
   *
   * @param name of the thread, and of the work in an error
   */
  static <T> T run(String name, Callable<T> work) {
    var task = new FutureTask<>(work);
    Thread.ofPlatform().daemon().name(name).start(task);
    try {
      return task.get();
    } catch (ExecutionException e) {
      if (e.getCause() instanceof BerthException failure) {
        throw failure;
      }
      throw new BerthException(INTERNAL, name + ": " + e.getCause(), e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(BerthException.Kind.CANCELLED, name + ": interrupted", e);
    }
  }
}
