package dev.berth.runtime.kernel;

import java.nio.charset.StandardCharsets;
import java.time.Duration;

/**
 * A file of a {@link ControlTree} kept open to wait for its changes, such as {@code cgroup.events}.
 *
 * <p>Not thread-safe.
 */
public final class ControlFile implements AutoCloseable {
  private static final int MAX_BYTES = 4096;

  private final Fd fd;
  private final String subject;

  ControlFile(Fd fd, String subject) {
    this.fd = fd;
    this.subject = subject;
  }

  /** Reads the file from its start, at most 4096 bytes; changes from now on are news. */
  public String read() {
    try (var buffer = NativeMemory.allocate(MAX_BYTES)) {
      long length = Syscalls.check("pread64", subject, fd.number(), buffer.address(), MAX_BYTES, 0);
      return new String(buffer.get(0, (int) length), StandardCharsets.US_ASCII);
    }
  }

  /**
   * Waits until the file changes after its last {@link #read()}.
   *
   * @return false if {@code limit} went by
   */
  public boolean awaitChange(Duration limit) {
    return Poll.await(fd, Poll.POLLPRI, limit);
  }

  @Override
  public void close() {
    fd.close();
  }
}
