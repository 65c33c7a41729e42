package dev.berth.shim;

import static java.lang.System.Logger.Level.INFO;

import java.time.Duration;
import java.util.function.BooleanSupplier;

/** Ends the shim when it has had neither a container nor a client for some time. */
final class IdleWatch {
  private static final System.Logger LOG = System.getLogger(IdleWatch.class.getName());
  private static final Duration STEP = Duration.ofSeconds(1);

  private final BooleanSupplier isIdle;
  private final Duration limit;
  private final Runnable end;

  /**
   * @param end called once; may refuse, by returning, when a client has come meanwhile
   */
  IdleWatch(BooleanSupplier isIdle, Duration limit, Runnable end) {
    this.isIdle = isIdle;
    this.limit = limit;
    this.end = end;
  }

  void start() {
    Thread.ofVirtual().name("shim-idle").start(this::run);
  }

  private void run() {
    Duration idle = Duration.ZERO;
    try {
      while (true) {
        Thread.sleep(STEP);
        idle = isIdle.getAsBoolean() ? idle.plus(STEP) : Duration.ZERO;
        if (idle.compareTo(limit) >= 0) {
          LOG.log(INFO, "no container and no client for " + limit);
          end.run();
          idle = Duration.ZERO;
        }
      }
    } catch (InterruptedException e) {
      // nobody does that: the thread ends with the process
    }
  }
}
