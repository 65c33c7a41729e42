package dev.berth.cri.service;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.time.Duration;

/** Checks that requests have what every server needs of them, and reads what is in them. */
final class Requests {
  /** More is meant as "for ever", and does not fit into a clock's nanoseconds everywhere. */
  private static final long MOST_SECONDS = Duration.ofDays(365).toSeconds();

  private Requests() {}

  /** Requires a field to be there: {@code required("pod_sandbox_id", !id.isEmpty())}. */
  static void required(String field, boolean present) {
    if (!present) {
      throw new BerthException(INVALID_ARGUMENT, field + " is missing");
    }
  }

  /** Returns a time-out that a request gives in seconds: none below zero, a year at most. */
  static Duration timeout(long seconds) {
    return Duration.ofSeconds(Math.clamp(seconds, 0, MOST_SECONDS));
  }
}
