package dev.berth.shim;

import static java.lang.System.Logger.Level.WARNING;

import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.kernel.EventLoop.Run;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;

/**
 * Keeps what the shim has to say from filling the tmpfs that it is on, which is memory: when the
 * log is too long, its last part is kept in {@code log.old} and it begins anew.
 *
 * <p>The log is this process's standard error, opened for appending, so it goes on behind its new
 * end. A line that is written in the very moment may be in neither file.
 */
final class LogLimit {
  private static final System.Logger LOG = System.getLogger(LogLimit.class.getName());
  private static final long LIMIT_BYTES = 4 << 20;
  private static final int KEPT_BYTES = 256 << 10;
  private static final Duration STEP = Duration.ofMinutes(1);

  private final Path log;

  LogLimit(Path log) {
    this.log = log;
  }

  /** Looks now and from time to time. */
  void watch(EventLoop loop) {
    try {
      cut(LIMIT_BYTES);
    } catch (IOException e) { // the next look may succeed
      LOG.log(WARNING, "cannot cut " + log, e);
    }
    var _ = loop.after(STEP, Run.VIRTUAL, () -> watch(loop));
  }

  /** Begins the log anew if it is longer. */
  void cut(long limitBytes) throws IOException {
    if (!Files.exists(log) || Files.size(log) <= limitBytes) {
      return;
    }
    try (var channel = FileChannel.open(log, StandardOpenOption.READ, StandardOpenOption.WRITE)) {
      Files.write(log.resolveSibling(log.getFileName() + ".old"), tail(channel, KEPT_BYTES));
      channel.truncate(0);
    }
  }

  /** Reads the last bytes of the log. */
  static byte[] tail(Path log, int most) throws IOException {
    try (var channel = FileChannel.open(log, StandardOpenOption.READ)) {
      return tail(channel, most);
    }
  }

  private static byte[] tail(FileChannel channel, int most) throws IOException {
    long size = channel.size();
    byte[] tail = new byte[(int) Math.min(size, most)];
    ByteBuffer left = ByteBuffer.wrap(tail);
    long start = size - tail.length;
    while (left.hasRemaining() && channel.read(left, start + left.position()) >= 0) {
      // goes on to the end, or to where the log was cut meanwhile
    }
    return tail;
  }
}
