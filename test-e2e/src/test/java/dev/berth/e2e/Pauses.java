package dev.berth.e2e;

import java.time.Duration;
import java.util.concurrent.locks.LockSupport;

/** Lets time pass where the moment of what comes next is to be by chance, never to wait for it. */
final class Pauses {
  private Pauses() {}

  static void of(Duration time) {
    long end = System.nanoTime() + time.toNanos();
    for (long left = time.toNanos(); left > 0; left = end - System.nanoTime()) {
      LockSupport.parkNanos(left);
    }
  }
}
