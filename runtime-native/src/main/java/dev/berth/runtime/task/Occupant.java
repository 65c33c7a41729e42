package dev.berth.runtime.task;

import dev.berth.runtime.task.StubPool.Spare;
import org.jspecify.annotations.Nullable;

/**
 * A process that keeps a new cgroup from being empty until the container's own is in it: a stub
 * without a plan, which ends with this JVM at the latest. It counts against a limit of processes as
 * long as it is there. Not thread-safe.
 */
final class Occupant implements AutoCloseable {
  private final StubPool stubs;
  private @Nullable Spare spare;

  Occupant(StubPool stubs) {
    this.stubs = stubs;
  }

  /** Returns its number; the first time there is none yet, so that nobody pays who needs none. */
  long pid() {
    Spare taken = spare;
    if (taken == null) {
      taken = stubs.take();
      spare = taken;
    }
    return taken.child().pid();
  }

  /** Ends it. Idempotent. */
  @Override
  public void close() {
    if (spare != null) {
      spare.end();
      spare = null;
    }
  }
}
