package dev.berth.image.registry;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.Operation;
import java.io.InputStream;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.LockSupport;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Drops connections whose bytes come too slowly, or whose operation is over: a blocked read cannot
 * look after itself.
 *
 * <p>One virtual thread looks at all bodies that are being read, and exists only while there are
 * any. Thread-safe.
 */
final class RateWatch {
  private static final long TICK_NANOS = TimeUnit.MILLISECONDS.toNanos(50);

  private final Patience patience;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private final Set<WatchedStream> streams = new HashSet<>();

  @GuardedBy("lock") private boolean running;

  RateWatch(Patience patience) {
    this.patience = patience;
  }

  /** Watches a body until it is {@link #forget forgotten}. */
  WatchedStream watch(InputStream body, Operation operation, WatchedStream.Connection connection) {
    var stream = new WatchedStream(body, patience, operation, connection, System::nanoTime);
    lock.lock();
    try {
      streams.add(stream);
      if (!running) {
        running = true;
        Thread.ofVirtual().name("registry-watch").start(this::run);
      }
    } finally {
      lock.unlock();
    }
    return stream;
  }

  /** Stops watching. Idempotent. */
  void forget(WatchedStream stream) {
    lock.lock();
    try {
      streams.remove(stream);
    } finally {
      lock.unlock();
    }
  }

  private void run() {
    List<WatchedStream> present = present();
    while (!present.isEmpty()) {
      present.forEach(WatchedStream::look);
      LockSupport.parkNanos(TICK_NANOS);
      present = present();
    }
  }

  /** When there is none, the next stream needs a new thread: both is decided under one lock. */
  private List<WatchedStream> present() {
    lock.lock();
    try {
      running = !streams.isEmpty();
      return List.copyOf(streams);
    } finally {
      lock.unlock();
    }
  }
}
