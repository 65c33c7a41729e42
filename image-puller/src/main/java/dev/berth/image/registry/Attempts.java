package dev.berth.image.registry;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnknownHostException;
import java.time.Duration;
import java.time.Instant;
import javax.net.ssl.SSLException;

/** Repeats an exchange with a host while it may still succeed. */
final class Attempts {
  private static final int MAX_ATTEMPTS = 4;

  /** A host that asks for pauses gets more: all pulls wait together, and one may be unlucky. */
  private static final Duration THROTTLED_PATIENCE = Duration.ofMinutes(3);

  private Attempts() {}

  /** How much is tried with a host: the last one of a list is worth waiting for. */
  enum Effort {
    /** Another host can be asked instead. */
    ONCE,
    /** There is no other. */
    PERSISTENT
  }

  /** A request and what is done with its answer; it can be begun again. */
  interface Exchange<T> {
    /**
     * Does it once.
     *
     * @throws IOException if it may go well next time
     * @throws BerthException if it will not
     */
    T run() throws IOException;
  }

  /** A status that may pass. */
  private static final class TransientStatus extends IOException {
    private static final long serialVersionUID = 1L;

    private final transient BerthException failure;
    private final int status;

    TransientStatus(BerthException failure, int status) {
      super(failure.getMessage());
      this.failure = failure;
      this.status = status;
    }
  }

  /**
   * Returns what to throw for a status that is not the one that was wanted: one that may pass is an
   * IOException, so that {@link #run} repeats the exchange.
   *
   * @throws BerthException if the status will not pass
   */
  static IOException failed(Failures.Step step, Http.Response response) {
    BerthException failure = Failures.status(step, response);
    if (Failures.isTransient(response.status())) {
      return new TransientStatus(failure, response.status());
    }
    throw failure;
  }

  /**
   * Runs an exchange until it succeeds, with pauses in between.
   *
   * @throws BerthException saying why the last attempt failed, or that the operation is over
   */
  static <T> T run(Failures.Step step, Effort effort, Operation operation, Exchange<T> exchange) {
    Instant begun = Instant.now();
    int failed = 0;
    while (true) {
      BerthException failure;
      try {
        return exchange.run();
      } catch (TransientStatus e) {
        failure = e.failure;
        boolean mayWait = Instant.now().isBefore(begun.plus(THROTTLED_PATIENCE));
        if (e.status == 429 && mayWait && effort == Effort.PERSISTENT) {
          continue; // the next request waits for as long as the host wants
        }
        failed = e.status == 429 ? MAX_ATTEMPTS : failed + 1;
      } catch (IOException e) {
        operation.check(); // a cancelled request looks like a broken one
        failure = Failures.unreachable(step, e);
        failed = isFinal(e) ? MAX_ATTEMPTS : failed + 1;
      }
      if (effort == Effort.ONCE || failed == MAX_ATTEMPTS) {
        throw failure;
      }
      Backoff.pause(failed, operation);
    }
  }

  /** Nobody there, no such name, the wrong certificate: the next try would say the same. */
  private static boolean isFinal(IOException e) {
    return e instanceof ConnectException
        || e instanceof UnknownHostException
        || e instanceof SSLException;
  }
}
