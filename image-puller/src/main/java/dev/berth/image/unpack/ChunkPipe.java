package dev.berth.image.unpack;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.io.IOException;
import java.io.InputStream;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Carries bytes from the thread that fetches a layer to the one that unpacks it, a few chunks at a
 * time.
 *
 * <p>The producer takes an empty chunk, fills it and publishes it; chunks are used again. Either
 * side may end the transfer; whoever waits then gets to know. Waits honour the operation.
 */
final class ChunkPipe {
  private static final int CHUNKS = 12;
  static final int CHUNK_BYTES = 128 * 1024;
  private static final long TICK_MILLIS = 50;

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Chunk(byte[] bytes, int length) {}

  private final Operation operation;
  private final ReentrantLock lock = new ReentrantLock();
  private final Condition changed = lock.newCondition();

  @GuardedBy("lock") private final Deque<byte[]> empty = new ArrayDeque<>();

  @GuardedBy("lock") private final Deque<Chunk> full = new ArrayDeque<>();

  @GuardedBy("lock") private int allocated;

  @GuardedBy("lock") private boolean ended;

  @GuardedBy("lock") private boolean readerGone;

  ChunkPipe(Operation operation) {
    this.operation = operation;
  }

  /** Returns a chunk to fill, or null if nobody reads any more. */
  byte @Nullable [] takeEmpty() {
    lock.lock();
    try {
      while (!readerGone && empty.isEmpty() && allocated == CHUNKS) {
        pause();
      }
      if (readerGone) {
        return null;
      }
      if (empty.isEmpty()) {
        allocated++;
        return new byte[CHUNK_BYTES];
      }
      return empty.pop();
    } finally {
      lock.unlock();
    }
  }

  void publish(byte[] bytes, int length) {
    lock.lock();
    try {
      full.add(new Chunk(bytes, length));
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  /** Ends the stream: the reader sees its end after the last chunk. */
  void end() {
    lock.lock();
    try {
      ended = true;
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void stopReading() {
    lock.lock();
    try {
      readerGone = true;
      full.clear();
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private @Nullable Chunk takeFull() {
    lock.lock();
    try {
      while (full.isEmpty() && !ended && !readerGone) {
        pause();
      }
      return full.poll();
    } finally {
      lock.unlock();
    }
  }

  private void recycle(byte[] bytes) {
    lock.lock();
    try {
      empty.push(bytes);
      changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  @SuppressWarnings("WaitNotInLoop") // every caller loops over its own condition
  private void pause() {
    operation.check();
    try {
      if (!changed.await(TICK_MILLIS, TimeUnit.MILLISECONDS)) {
        operation.check();
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(
          BerthException.Kind.CANCELLED, "interrupted while a layer was moving", e);
    }
  }

  /** The reader's end. Closing it tells the producer to stop. */
  InputStream reader() {
    return new Reader();
  }

  private final class Reader extends InputStream {
    private @Nullable Chunk current;
    private int position;

    @Override
    public int read() throws IOException {
      byte[] one = new byte[1];
      return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      if (length == 0) {
        return 0;
      }
      Chunk chunk = current();
      if (chunk == null) {
        return -1;
      }
      int count = Math.min(length, chunk.length() - position);
      System.arraycopy(chunk.bytes(), position, buffer, offset, count);
      position += count;
      return count;
    }

    private @Nullable Chunk current() {
      while (current == null || position == current.length()) {
        if (current != null) {
          recycle(current.bytes());
        }
        current = takeFull();
        position = 0;
        if (current == null) {
          return null;
        }
      }
      return current;
    }

    @Override
    public void close() {
      stopReading();
    }
  }
}
