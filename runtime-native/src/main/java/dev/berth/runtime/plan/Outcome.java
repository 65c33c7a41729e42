package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.Errno;
import org.jspecify.annotations.Nullable;

/**
 * What to do when a step ends in a given way, instead of failing (or, for success, of going on).
 *
 * @param error the errno; null is success
 * @param to where to go on; null is the next step
 * @param retry do the step again
 */
record Outcome(@Nullable Errno error, @Nullable Label to, boolean retry) {
  static Outcome tolerate(Errno error) {
    return new Outcome(error, null, false);
  }

  static Outcome go(Errno error, Label to) {
    return new Outcome(error, to, false);
  }

  static Outcome success(Label to) {
    return new Outcome(null, to, false);
  }

  static Outcome retry(Errno error) {
    return new Outcome(error, null, true);
  }

  @Override
  public String toString() {
    String when = error == null ? "ok" : error.name();
    if (retry) {
      return when + ": retry";
    }
    return to == null ? when + ": fine" : when + ": to " + to.index();
  }
}
