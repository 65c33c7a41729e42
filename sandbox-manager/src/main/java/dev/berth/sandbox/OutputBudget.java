package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;

import dev.berth.base.BerthException;
import java.util.concurrent.atomic.AtomicLong;

/**
 * How much output of all commands together may be held at once (rule R10): each is bounded by
 * itself, but any number of them may run. Thread-safe.
 */
final class OutputBudget {
  private final long limitBytes;
  private final AtomicLong heldBytes = new AtomicLong();

  OutputBudget(long limitBytes) {
    this.limitBytes = limitBytes;
  }

  /** Takes all of it, or nothing and returns false. */
  boolean take(int bytes) {
    long held = heldBytes.addAndGet(bytes);
    if (held > limitBytes) {
      heldBytes.addAndGet(-bytes);
      return false;
    }
    return true;
  }

  /** Returns the failure of a command for whose output nothing was left. */
  BerthException exceeded() {
    return new BerthException(
        RESOURCE_EXHAUSTED,
        "output of the commands that run at present is more than "
            + limitBytes
            + " bytes, so none of this one's is kept");
  }

  void giveBack(long bytes) {
    heldBytes.addAndGet(-bytes);
  }
}
