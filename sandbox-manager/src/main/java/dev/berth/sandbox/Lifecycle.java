package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.time.Duration;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.ReentrantLock;

/** The right to start or remove a container, held by one verb at a time. Close gives it back. */
record Lifecycle(ReentrantLock lock) implements AutoCloseable {
  private static final Duration LIMIT = Duration.ofMinutes(4);

  static Lifecycle hold(Container container, Operation operation) {
    ReentrantLock lock = container.lifecycle();
    try {
      if (!lock.tryLock(operation.remaining(LIMIT).toNanos(), TimeUnit.NANOSECONDS)) {
        throw new BerthException(
            DEADLINE_EXCEEDED, operation + ": another operation keeps container " + container.id());
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, operation + ": interrupted", e);
    }
    return new Lifecycle(lock);
  }

  @Override
  public void close() {
    lock.unlock();
  }
}
