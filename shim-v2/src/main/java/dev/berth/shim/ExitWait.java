package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.runtime.task.TaskExit;
import java.time.Duration;
import java.util.concurrent.CancellationException;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Waits for the end of a process, as long as someone wants to know. */
final class ExitWait {
  private static final Duration NO_LIMIT = Duration.ofDays(10_000);

  private ExitWait() {}

  /**
   * Waits on behalf of a caller.
   *
   * @param told a copy: it is cancelled when the operation is
   * @throws BerthException DEADLINE_EXCEEDED or CANCELLED, as the operation says
   */
  static TaskExit await(CompletableFuture<TaskExit> told, Operation operation)
      throws InterruptedException {
    operation.onCancel(() -> told.cancel(false));
    return await(told, operation.remaining(NO_LIMIT));
  }

  static TaskExit await(CompletableFuture<TaskExit> told, Duration limit)
      throws InterruptedException {
    try {
      return told.get(limit.toNanos(), TimeUnit.NANOSECONDS);
    } catch (TimeoutException e) {
      throw new BerthException(DEADLINE_EXCEEDED, "the process has not ended in time", e);
    } catch (CancellationException e) {
      throw new BerthException(CANCELLED, "the caller has gone", e);
    } catch (ExecutionException e) {
      throw new IllegalStateException("an end is told or is not", e);
    }
  }
}
