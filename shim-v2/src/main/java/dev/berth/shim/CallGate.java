package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.shim.ttrpc.TtrpcService.Method;
import java.time.Duration;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * What calls pass on their way in: closed once, before the shim hands its containers over, so that
 * none begins that will not be answered. Thread-safe.
 */
final class CallGate {
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition left = lock.newCondition();

  @GuardedBy("lock") private int inside;

  @GuardedBy("lock") private boolean closed;

  /** Returns the method behind this gate. */
  <Q> Method<Q> before(Method<Q> method) {
    return (call, request) -> {
      enter();
      try {
        return method.answer(call, request);
      } finally {
        leave();
      }
    };
  }

  private void enter() {
    lock.lock();
    try {
      if (closed) {
        throw new BerthException(
            UNAVAILABLE, "the shim is being replaced: nothing was done, and can be asked again");
      }
      inside++;
    } finally {
      lock.unlock();
    }
  }

  private void leave() {
    lock.lock();
    try {
      inside--;
      left.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Lets nobody in any more, and waits for those inside. Idempotent.
   *
   * @return how many are still inside
   */
  int close(Duration patience) throws InterruptedException {
    lock.lock();
    try {
      closed = true;
      long nanos = patience.toNanos();
      while (inside > 0 && nanos > 0) {
        nanos = left.awaitNanos(nanos);
      }
      return inside;
    } finally {
      lock.unlock();
    }
  }
}
