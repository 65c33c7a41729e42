package dev.berth.cri;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.jspecify.annotations.Nullable;

/**
 * Holds a directory for one {@code berthd}: two that share a root or a state directory would undo
 * each other's work. The kernel releases the lock when the process ends, however it ends.
 */
final class InstanceLock implements AutoCloseable {
  private static final String FILE = "berthd.lock";

  private final FileChannel channel;

  private InstanceLock(FileChannel channel) {
    this.channel = channel;
  }

  /**
   * Takes the lock of a directory, which must exist.
   *
   * @throws BerthException FAILED_PRECONDITION if another process holds it
   */
  static InstanceLock take(Path directory) throws IOException {
    FileChannel channel =
        FileChannel.open(
            directory.resolve(FILE), StandardOpenOption.CREATE, StandardOpenOption.WRITE);
    if (tryLock(channel) == null) {
      channel.close();
      throw new BerthException(
          FAILED_PRECONDITION, "another berthd uses " + directory + ": its lock is held");
    }
    return new InstanceLock(channel);
  }

  private static @Nullable FileLock tryLock(FileChannel channel) throws IOException {
    try {
      return channel.tryLock();
    } catch (OverlappingFileLockException e) {
      return null; // held by this very process
    }
  }

  /** Releases the lock. Idempotent. */
  @Override
  public void close() throws IOException {
    channel.close();
  }
}
