package dev.berth.runtime.task;

import dev.berth.runtime.kernel.ExitStatus;
import java.time.Instant;

/**
 * How a process ended.
 *
 * @param code the exit code, or 128 plus the signal that killed it; 255 when nobody was left who
 *     could learn it
 * @param known false only for that last case
 */
public record TaskExit(int code, Instant at, boolean known) {
  static final int UNKNOWN_CODE = 255;
  private static final int SIGNAL_BASE = 128;

  static TaskExit of(ExitStatus status, Instant at) {
    return switch (status) {
      case ExitStatus.Exited(int code) -> new TaskExit(code, at, true);
      case ExitStatus.Signaled(int signal, var _) -> new TaskExit(SIGNAL_BASE + signal, at, true);
    };
  }

  static TaskExit unknown(Instant at) {
    return new TaskExit(UNKNOWN_CODE, at, false);
  }
}
