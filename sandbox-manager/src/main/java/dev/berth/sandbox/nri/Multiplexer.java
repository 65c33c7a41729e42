package dev.berth.sandbox.nri;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.io.EOFException;
import java.io.IOException;
import java.io.InterruptedIOException;
import java.nio.ByteBuffer;
import java.nio.channels.ByteChannel;
import java.nio.channels.ClosedChannelException;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Carries several byte streams over one connection, each in frames of an id and a length, both
 * big-endian 32-bit numbers, and so many bytes.
 *
 * <p>The peers' reader hands out one frame for each read, and fails if the buffer it is given is
 * smaller. It reads through a buffer of 4 KiB and, for the rest of a longer message, into exactly
 * the room that this rest takes. So the first frame of what is written at once has at most 4 KiB;
 * and no write holds more than one message.
 *
 * <p>A stream that nobody reads holds up the others, as soon as 1 MiB waits: the one who reads all
 * of them is the same, and what it does not take it has no use for. Thread-safe.
 */
public final class Multiplexer implements AutoCloseable {
  /** The stream on which the plugin serves. */
  public static final int PLUGIN_SERVICE = 1;

  /** The stream on which the runtime serves. */
  public static final int RUNTIME_SERVICE = 2;

  private static final int HEADER_BYTES = 8;
  private static final int FIRST_FRAME_BYTES = 4096;

  /** A ttrpc message of the longest kind with its header. */
  private static final int MAX_FRAME_BYTES = (4 << 20) + 10;

  private static final int CHUNK_BYTES = 64 << 10;
  private static final int MAX_WAITING_BYTES = 1 << 20;

  private final ByteChannel trunk;
  private final ReentrantLock writeLock = new ReentrantLock();
  private final Map<Integer, Stream> streams = new ConcurrentHashMap<>();
  private final Thread reader;

  /**
   * Makes one end of a connection; plugins and the runtime have the same.
   *
   * @param trunk blocking; belongs to the multiplexer
   */
  public Multiplexer(ByteChannel trunk) {
    this.trunk = trunk;
    this.reader = Thread.ofVirtual().name("nri-read").unstarted(this::read);
  }

  /**
   * Opens a stream; all must be open before {@link #start}. Closing it is up to the caller, and
   * closes no other.
   */
  public ByteChannel open(int id) {
    var stream = new Stream(id);
    streams.put(id, stream);
    return stream;
  }

  /** Begins to read: what comes for streams that are not open is lost. */
  public void start() {
    reader.start();
  }

  /** Ends all streams and the connection. Idempotent. */
  @Override
  public void close() {
    try {
      trunk.close();
    } catch (IOException e) {
      // the descriptor is gone even so
    }
    streams.values().forEach(Stream::end);
  }

  private void read() {
    ByteBuffer header = ByteBuffer.allocate(HEADER_BYTES);
    try {
      while (fill(header.clear(), true)) {
        forward(header.getInt(0), Integer.toUnsignedLong(header.getInt(4)));
      }
    } catch (IOException e) {
      // the streams end, and whoever reads them says so
    } finally {
      close();
    }
  }

  private void forward(int id, long length) throws IOException {
    if (length > MAX_FRAME_BYTES) {
      throw new IOException("frame of " + length + " bytes is too long");
    }
    Stream stream = streams.get(id);
    for (long left = length; left > 0; ) {
      ByteBuffer chunk = ByteBuffer.allocate((int) Math.min(left, CHUNK_BYTES));
      var _ = fill(chunk, false);
      left -= chunk.capacity();
      if (stream != null) {
        stream.deliver(chunk.flip());
      }
    }
  }

  /** Reads until the buffer is full; false if the peer ended the connection where it may. */
  private boolean fill(ByteBuffer buffer, boolean mayEnd) throws IOException {
    while (buffer.hasRemaining()) {
      if (trunk.read(buffer) < 0) {
        if (mayEnd && buffer.position() == 0) {
          return false;
        }
        throw new EOFException("connection ended within a frame");
      }
    }
    return true;
  }

  private void write(int id, ByteBuffer bytes) throws IOException {
    int limit = FIRST_FRAME_BYTES;
    while (bytes.hasRemaining()) {
      int length = Math.min(bytes.remaining(), limit);
      limit = CHUNK_BYTES;
      ByteBuffer frame =
          ByteBuffer.allocate(HEADER_BYTES + length)
              .putInt(id)
              .putInt(length)
              .put(bytes.slice(bytes.position(), length))
              .flip();
      bytes.position(bytes.position() + length);
      send(frame);
    }
  }

  private void send(ByteBuffer frame) throws IOException {
    writeLock.lock();
    try {
      while (frame.hasRemaining()) {
        trunk.write(frame);
      }
    } finally {
      writeLock.unlock();
    }
  }

  /** One of the streams. One thread reads it; writes of several do not mix. */
  private final class Stream implements ByteChannel {
    private final int id;
    private final ReentrantLock lock = new ReentrantLock();
    private final Condition changed = lock.newCondition();

    @GuardedBy("lock") private final Deque<ByteBuffer> waiting = new ArrayDeque<>();

    @GuardedBy("lock") private int waitingBytes;

    private volatile boolean ended;

    Stream(int id) {
      this.id = id;
    }

    void deliver(ByteBuffer chunk) throws IOException {
      lock.lock();
      try {
        while (waitingBytes >= MAX_WAITING_BYTES && !ended) {
          changed.await();
        }
        waitingBytes += chunk.remaining();
        waiting.add(chunk);
        changed.signalAll();
      } catch (InterruptedException e) {
        throw interrupted();
      } finally {
        lock.unlock();
      }
    }

    void end() {
      lock.lock();
      try {
        ended = true;
        changed.signalAll();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public int read(ByteBuffer target) throws IOException {
      lock.lock();
      try {
        while (waiting.isEmpty() && !ended) {
          changed.await();
        }
        ByteBuffer first = waiting.peek();
        if (first == null) {
          return -1;
        }
        int count = Math.min(first.remaining(), target.remaining());
        target.put(first.slice(first.position(), count));
        first.position(first.position() + count);
        waitingBytes -= count;
        if (!first.hasRemaining()) {
          waiting.remove();
        }
        changed.signalAll();
        return count;
      } catch (InterruptedException e) {
        throw interrupted();
      } finally {
        lock.unlock();
      }
    }

    @Override
    public int write(ByteBuffer source) throws IOException {
      if (ended) {
        throw new ClosedChannelException();
      }
      int count = source.remaining();
      Multiplexer.this.write(id, source);
      return count;
    }

    @Override
    public boolean isOpen() {
      return !ended;
    }

    /** Ends this stream alone: what comes for it is dropped from now on. */
    @Override
    public void close() {
      streams.remove(id, this);
      end();
    }

    private static IOException interrupted() {
      Thread.currentThread().interrupt();
      return new InterruptedIOException("interrupted");
    }
  }
}
