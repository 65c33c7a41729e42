package dev.berth.image;

import java.time.Duration;
import java.util.function.LongSupplier;

/**
 * Decides how many connections fetch one blob: twice as many as long as that brings at least a
 * quarter more, and half of them again when it did not.
 *
 * <p>More connections are worth something only while the reader waits for the network most of the
 * time, and for a second or more. After each change one stretch of time is not looked at:
 * connections take a while to get up to speed. Not thread-safe.
 */
final class RangePacer {
  static final int MAX_CONNECTIONS = 8;
  private static final long STRETCH_NANOS = Duration.ofMillis(250).toNanos();
  private static final double GAIN = 1.25;
  private static final double MIN_SECONDS_LEFT = 1;

  private final LongSupplier nanoClock;
  private long stretchBegan;
  private long bytesAtBegin;
  private long waitingSince;
  private long waitedNanos;
  private boolean settling;
  private boolean settled;
  private int connections = 1;
  private int before = 1;
  private double rateBefore;

  RangePacer(LongSupplier nanoClock) {
    this.nanoClock = nanoClock;
    this.stretchBegan = nanoClock.getAsLong();
  }

  /** The reader begins to wait for bytes. */
  void waiting() {
    waitingSince = nanoClock.getAsLong();
  }

  /** The reader has bytes. */
  void waited() {
    waitedNanos += nanoClock.getAsLong() - waitingSince;
  }

  /** Says how many connections there really are; fewer than advised if there are no more. */
  void stayAt(int actual) {
    connections = actual;
  }

  /**
   * Returns how many connections there should be.
   *
   * @param bytes that have arrived over all of them, ever
   * @param left bytes that the reader has not got yet
   */
  int connections(long bytes, long left) {
    long now = nanoClock.getAsLong();
    long elapsed = now - stretchBegan;
    if (settled || elapsed < STRETCH_NANOS) {
      return connections;
    }
    double rate = (bytes - bytesAtBegin) / (elapsed / 1e9);
    boolean networkBound = waitedNanos * 2 > elapsed;
    stretchBegan = now;
    bytesAtBegin = bytes;
    waitedNanos = 0;
    if (settling) {
      settling = false;
      return connections;
    }
    return decide(rate, left, networkBound);
  }

  private int decide(double rate, long left, boolean networkBound) {
    if (connections > before && rate < rateBefore * GAIN) {
      settled = true;
      return before;
    }
    before = connections;
    if (connections == MAX_CONNECTIONS) {
      settled = true;
    } else if (networkBound && left > rate * MIN_SECONDS_LEFT) {
      rateBefore = rate;
      settling = true;
      return Math.min(MAX_CONNECTIONS, connections * 2);
    }
    return connections;
  }
}
