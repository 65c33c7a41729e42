package dev.berth.sandbox;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Something that plugins are told once, whoever comes first; the others wait until it was told.
 * Thread-safe.
 */
final class ToldOnce {
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private boolean told;

  /**
   * @param told whether it lies in the past
   */
  ToldOnce(boolean told) {
    this.told = told;
  }

  /** Tells, unless that was tried before; a failure is not repeated. */
  void tell(Runnable telling) {
    lock.lock();
    try {
      if (!told) {
        told = true;
        telling.run();
      }
    } finally {
      lock.unlock();
    }
  }
}
