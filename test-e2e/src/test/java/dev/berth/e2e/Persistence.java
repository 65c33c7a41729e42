package dev.berth.e2e;

import io.grpc.StatusRuntimeException;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.RejectedExecutionException;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Supplier;

/** Repeats calls that fail, as a kubelet does, and counts what they were told. */
record Persistence(FaultLedger ledger) {
  private static final Duration PATIENCE = Duration.ofSeconds(90);
  private static final Duration PAUSE = Duration.ofMillis(40);

  /** What should have worked at some time did not. */
  static final class StuckException extends RuntimeException {
    private static final long serialVersionUID = 1;

    StuckException(String what, Throwable cause) {
      super("not within " + PATIENCE + ": " + what, cause);
    }
  }

  /** Calls once; empty if it was refused. */
  <T> Optional<T> attempt(String what, Supplier<T> call) {
    try {
      return Optional.of(call.get());
    } catch (StatusRuntimeException | RejectedExecutionException e) {
      ledger.count(what + " refused: " + reason(e));
      return Optional.empty();
    }
  }

  /** Calls until it works. */
  <T> T insist(String what, Supplier<T> call) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (true) {
      try {
        return call.get();
      } catch (StatusRuntimeException | RejectedExecutionException e) {
        ledger.count(what + " refused: " + reason(e));
        if (System.nanoTime() > deadline) {
          throw new StuckException(what + ": " + e.getMessage(), e);
        }
      }
      pause();
    }
  }

  /** A client that is closed at this moment, because its server was killed, rejects calls. */
  private static String reason(RuntimeException refusal) {
    return refusal instanceof StatusRuntimeException e
        ? e.getStatus().getCode().name()
        : "berthd is gone";
  }

  /** The same for what answers nothing. */
  void insist(String what, Runnable call) {
    Object _ =
        insist(
            what,
            () -> {
              call.run();
              return what;
            });
  }

  /** Waits for a state that is sure to come. */
  void await(String what, BooleanSupplier condition) {
    long deadline = System.nanoTime() + PATIENCE.toNanos();
    while (!condition.getAsBoolean()) {
      if (System.nanoTime() > deadline) {
        throw new StuckException(what, null);
      }
      pause();
    }
  }

  private static void pause() {
    LockSupport.parkNanos(PAUSE.toNanos());
  }
}
