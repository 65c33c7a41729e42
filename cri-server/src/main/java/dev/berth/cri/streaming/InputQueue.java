package dev.berth.cri.streaming;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.util.ArrayDeque;
import java.util.Deque;
import org.jspecify.annotations.Nullable;

/**
 * What a client has sent on one stream and nobody has taken yet.
 *
 * <p>A queue that has become long asks its connection to read no more until it is short again (rule
 * R10). Thread-safe; the connection's thread adds and never waits, one thread takes.
 */
final class InputQueue {
  static final int LONG_BYTES = 256 << 10;
  static final int SHORT_BYTES = 64 << 10;

  private final Valve valve;

  @GuardedBy("this") private final Deque<byte[]> chunks = new ArrayDeque<>();

  @GuardedBy("this") private int bytes;

  @GuardedBy("this") private boolean ended;

  @GuardedBy("this") private boolean discarding;

  @GuardedBy("this") private boolean holding;

  /** Stops and resumes the reading of a connection; calls of one queue alternate. */
  interface Valve {
    void hold();

    void release();
  }

  InputQueue(Valve valve) {
    this.valve = valve;
  }

  /** Adds what came; what comes after the end is dropped. */
  synchronized void add(byte[] chunk) {
    if (ended || discarding || chunk.length == 0) {
      return;
    }
    chunks.add(chunk);
    bytes += chunk.length;
    if (bytes > LONG_BYTES && !holding) {
      holding = true;
      valve.hold();
    }
    notifyAll();
  }

  /** Nothing more will come. Idempotent. */
  synchronized void end() {
    ended = true;
    notifyAll();
  }

  /** Drops what is there and what comes: nobody takes any more. Idempotent. */
  synchronized void discard() {
    discarding = true;
    chunks.clear();
    bytes = 0;
    releaseIfShort();
    notifyAll();
  }

  /** Waits for the next chunk; null at the end. */
  synchronized byte @Nullable [] take() throws InterruptedException {
    while (chunks.isEmpty() && !ended && !discarding) {
      wait();
    }
    byte[] chunk = chunks.poll();
    if (chunk != null) {
      bytes -= chunk.length;
      releaseIfShort();
    }
    return chunk;
  }

  @GuardedBy("this") private void releaseIfShort() {
    if (holding && bytes <= SHORT_BYTES) {
      holding = false;
      valve.release();
    }
  }
}
