package dev.berth.sandbox;

import dev.berth.shim.client.TaskExit;
import java.time.Instant;

/**
 * The end of a task as it became known.
 *
 * @param reason one of {@link ExitReasons}
 * @param message for people; may be empty
 */
record ExitReport(int exitCode, Instant at, String reason, String message) {
  private static final int NOBODY_KNOWS = 255;

  /** What a shim said. */
  static ExitReport of(TaskExit exit, boolean outOfMemory) {
    String reason =
        outOfMemory
            ? ExitReasons.OOM_KILLED
            : exit.status() == 0 ? ExitReasons.COMPLETED : ExitReasons.ERROR;
    return new ExitReport(exit.status(), exit.exitedAt(), reason, "");
  }

  /** An end that nobody saw. */
  static ExitReport unknown(Instant now, String message) {
    return new ExitReport(NOBODY_KNOWS, now, ExitReasons.UNKNOWN, message);
  }
}
