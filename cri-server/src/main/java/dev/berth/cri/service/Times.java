package dev.berth.cri.service;

import java.time.Instant;
import java.util.concurrent.TimeUnit;

/** CRI's times: nanoseconds since the epoch, 0 for "never". */
final class Times {
  private Times() {}

  static long nanos(Instant time) {
    return TimeUnit.SECONDS.toNanos(time.getEpochSecond()) + time.getNano();
  }
}
