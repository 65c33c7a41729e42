package dev.berth.image.registry;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.io.IOException;
import java.io.InputStream;
import java.time.Duration;
import java.util.function.LongSupplier;
import org.jspecify.annotations.Nullable;

/**
 * A body that counts its bytes and the time its reader waits for them.
 *
 * <p>One thread reads, another calls {@link #look} now and then. The counters have one writer each;
 * the clock stands still while nobody waits.
 */
final class WatchedStream extends InputStream {
  /** The connection was dropped because too little came. */
  static final class TooSlow extends IOException {
    private static final long serialVersionUID = 1L;

    TooSlow(String message, IOException cause) {
      super(message, cause);
    }
  }

  /** What the body comes from. */
  interface Connection {
    /** Hears why it is dropped, unless that is the reader's own wish. */
    void tooSlow(String why);

    /** Breaks the connection, so that a blocked read ends. */
    void drop();
  }

  private final InputStream in;
  private final Patience patience;
  private final Operation operation;
  private final Connection connection;
  private final LongSupplier nanoClock;

  // Written by the reader.
  private volatile long bytes;
  private volatile long waitedNanos;
  private volatile boolean waiting;
  private volatile long waitingSince;

  // Touched by the watcher.
  private long bytesSeen;
  private long waitedAtLastByte;
  private long windowBytes;
  private long windowWaited;

  private volatile @Nullable String whyDropped;

  WatchedStream(
      InputStream in,
      Patience patience,
      Operation operation,
      Connection connection,
      LongSupplier nanoClock) {
    this.in = in;
    this.patience = patience;
    this.operation = operation;
    this.connection = connection;
    this.nanoClock = nanoClock;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    waitingSince = nanoClock.getAsLong();
    waiting = true;
    try {
      int count = in.read(buffer, offset, length);
      arrived(Math.max(0, count));
      return count;
    } catch (IOException e) {
      arrived(0);
      operation.check(); // a cancelled read looks like a broken one
      String why = whyDropped;
      throw why == null ? e : new TooSlow(why, e);
    }
  }

  @SuppressWarnings("NonAtomicVolatileUpdate") // this thread is the only writer
  private void arrived(int count) {
    long waited = nanoClock.getAsLong() - waitingSince;
    waiting = false; // first: a wait must not be counted twice
    waitedNanos = waitedNanos + waited;
    bytes = bytes + count;
  }

  /** Drops the connection if it is time to; once. */
  void look() {
    if (whyDropped != null) {
      return;
    }
    try {
      operation.check();
    } catch (BerthException e) {
      whyDropped = String.valueOf(e.getMessage());
      connection.drop();
      return;
    }
    long arrived = bytes;
    long waited = waitedNanos + (waiting ? nanoClock.getAsLong() - waitingSince : 0);
    if (arrived != bytesSeen) {
      bytesSeen = arrived;
      waitedAtLastByte = waited;
    } else if (waited - waitedAtLastByte >= patience.silence().toNanos()) {
      dropBecause("no byte came for " + text(patience.silence()));
      return;
    }
    lookAtWindow(arrived, waited);
  }

  private void lookAtWindow(long arrived, long waited) {
    if (waited - windowWaited < patience.window().toNanos()) {
      return;
    }
    if (arrived - windowBytes < patience.windowBytes()) {
      dropBecause("only " + (arrived - windowBytes) + " bytes came in " + text(patience.window()));
    }
    windowBytes = arrived;
    windowWaited = waited;
  }

  private void dropBecause(String why) {
    whyDropped = why;
    connection.tooSlow(why);
    connection.drop();
  }

  private static String text(Duration duration) {
    return duration.toMillis() % 1000 == 0
        ? duration.toSeconds() + " s"
        : duration.toMillis() + " ms";
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
