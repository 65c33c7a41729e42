package dev.berth.sandbox;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.FileChannel;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/**
 * The output of a command, which ends with its last writer, or, if that is a child which the
 * command left behind, when {@link #drain} gives up on it.
 */
final class DrainedInput extends InputStream {
  private static final System.Logger LOG = System.getLogger(DrainedInput.class.getName());
  private static final long READING = -1;

  private final FileChannel pipe;
  private final CountDownLatch ended = new CountDownLatch(1);

  /** When its reader began to wait for more; {@link #READING} while it has something to do. */
  private volatile long waitingSince = READING;

  DrainedInput(FileChannel pipe) {
    this.pipe = pipe;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    waitingSince = now();
    try {
      int count = pipe.read(ByteBuffer.wrap(bytes, offset, length));
      if (count < 0) {
        ended.countDown();
      }
      return count;
    } catch (ClosedChannelException e) {
      ended.countDown(); // closed under us: given up
      return -1;
    } finally {
      waitingSince = READING;
    }
  }

  /**
   * Waits until all was read, after the command has ended, and gives up once its reader has waited
   * {@code patience} for nothing. A reader that is slow because of its own client has all the time
   * it needs.
   */
  void drain(Duration patience) throws InterruptedException {
    long begin = now();
    while (!ended.await(patience.toMillis() / 4, TimeUnit.MILLISECONDS)) {
      long since = waitingSince;
      if (since != READING && now() - Math.max(since, begin) > patience.toNanos()) {
        close();
      }
    }
  }

  private static long now() {
    return System.nanoTime() & Long.MAX_VALUE;
  }

  /** Ends a read that waits. Idempotent. */
  @Override
  public void close() {
    ended.countDown();
    try {
      pipe.close();
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot close the output of a command", e);
    }
  }
}
