package dev.berth.image;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.BlobSource;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import org.jspecify.annotations.Nullable;

/**
 * Asks for all layers of an image at once and waits for them together: the first failure ends the
 * wait for the others.
 */
final class ParallelLayers {
  private static final long TICK_MILLIS = 100;

  private final LayerFetcher fetcher;

  ParallelLayers(LayerFetcher fetcher) {
    this.fetcher = fetcher;
  }

  /** Returns the layers, the lowest first. When it returns or throws, no caller of ours waits. */
  List<Layer> obtain(BlobSource session, List<LayerFetcher.Wanted> image, Operation operation) {
    Operation together = Operation.internal(operation.verb());
    operation.onCancel(together::cancel);
    List<FutureTask<Layer>> tasks = new ArrayList<>();
    for (int i = 0; i < image.size(); i++) {
      int index = i;
      var task = new FutureTask<>(() -> fetcher.obtain(session, image, index, together));
      tasks.add(task);
      Thread.ofVirtual().name("layer-" + image.get(i).diffId()).start(task);
    }
    try {
      return await(tasks, operation);
    } finally {
      together.cancel();
      tasks.forEach(ParallelLayers::awaitQuietly);
    }
  }

  private static List<Layer> await(List<FutureTask<Layer>> tasks, Operation operation) {
    while (true) {
      operation.check();
      BerthException failure = firstFailure(tasks);
      if (failure != null) {
        throw failure;
      }
      FutureTask<Layer> open =
          tasks.stream().filter(task -> !task.isDone()).findFirst().orElse(null);
      if (open == null) {
        return tasks.stream().map(FutureTask::resultNow).toList();
      }
      try {
        open.get(TICK_MILLIS, TimeUnit.MILLISECONDS);
      } catch (TimeoutException | ExecutionException e) {
        // looked at in the next round
      } catch (InterruptedException e) {
        Thread.currentThread().interrupt();
        throw new BerthException(
            BerthException.Kind.CANCELLED, operation.verb() + ": interrupted", e);
      }
    }
  }

  private static @Nullable BerthException firstFailure(List<FutureTask<Layer>> tasks) {
    for (FutureTask<Layer> task : tasks) {
      if (task.state() == FutureTask.State.FAILED) {
        Throwable failure = task.exceptionNow();
        return failure instanceof BerthException known
            ? known
            : new BerthException(INTERNAL, "layer: " + failure, failure);
      }
    }
    return null;
  }

  /** A cancelled wait ends at once; the flight itself may go on for others. */
  private static void awaitQuietly(FutureTask<Layer> task) {
    try {
      task.get();
    } catch (ExecutionException | CancellationException e) {
      // reported as the first failure, or caused by our own cancel
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }
}
