package dev.berth.image.registry;

import dev.berth.base.Operation;
import java.time.Duration;
import java.time.Instant;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.time.format.DateTimeParseException;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.LockSupport;

/** How long to wait before a request is repeated. */
final class Backoff {
  private static final Duration FIRST = Duration.ofMillis(200);
  private static final Duration LONGEST = Duration.ofSeconds(10);
  private static final Duration LONGEST_ASKED = Duration.ofSeconds(60);
  private static final Duration TICK = Duration.ofMillis(20);

  private Backoff() {}

  /**
   * Waits before a request is repeated for the {@code attempt}th time, which counts from 1: twice
   * as long each time, with some jitter.
   *
   * @throws dev.berth.base.BerthException if the operation is cancelled or out of time meanwhile
   */
  static void pause(int attempt, Operation operation) {
    pause(exponential(attempt), operation);
  }

  /** Waits for some time. */
  static void pause(Duration wait, Operation operation) {
    Instant end = Instant.now().plus(wait);
    for (Duration left = wait; left.isPositive(); left = Duration.between(Instant.now(), end)) {
      operation.check();
      LockSupport.parkNanos(left.compareTo(TICK) < 0 ? left.toNanos() : TICK.toNanos());
    }
    operation.check();
  }

  /** How long before attempt {@code attempt}, which counts from 1. */
  static Duration exponential(int attempt) {
    Duration full = FIRST.multipliedBy(1L << Math.min(attempt - 1, 10));
    Duration bounded = full.compareTo(LONGEST) > 0 ? LONGEST : full;
    return Duration.ofMillis(
        ThreadLocalRandom.current().nextLong(bounded.toMillis() / 2, bounded.toMillis() + 1));
  }

  /** Retry-After is seconds or a date. See RFC 9110, 10.2.3. */
  static Optional<Duration> asked(String retryAfter) {
    Duration wait;
    try {
      wait =
          retryAfter.strip().matches("\\d{1,9}")
              ? Duration.ofSeconds(Long.parseLong(retryAfter.strip()))
              : Duration.between(
                  Instant.now(),
                  ZonedDateTime.parse(retryAfter, DateTimeFormatter.RFC_1123_DATE_TIME)
                      .toInstant());
    } catch (DateTimeParseException e) {
      return Optional.empty(); // not a form we know: our own back-off applies
    }
    if (wait.isNegative()) {
      return Optional.of(Duration.ZERO);
    }
    return Optional.of(wait.compareTo(LONGEST_ASKED) > 0 ? LONGEST_ASKED : wait);
  }
}
