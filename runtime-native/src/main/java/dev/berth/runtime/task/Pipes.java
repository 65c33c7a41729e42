package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.OpenFlag;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.concurrent.locks.LockSupport;
import org.jspecify.annotations.Nullable;

/** Opens the ends of a caller's FIFOs. */
final class Pipes {
  private static final Path DEV_NULL = Path.of("/dev/null");
  private static final Duration READER_LIMIT = Duration.ofSeconds(5);
  private static final long RETRY_NANOS = 500_000;

  private Pipes() {}

  /** Opens what a process reads; never waits for a writer. Null is /dev/null. */
  static Fd input(@Nullable Path fifo) {
    if (fifo == null) {
      return Descriptors.open(DEV_NULL);
    }
    Fd fd = Descriptors.open(fifo, OpenFlag.NON_BLOCKING);
    Descriptors.setNonBlocking(fd, false);
    return fd;
  }

  /**
   * Opens what a process writes and gives it to the process's user, as runc does: a program may
   * open /dev/stdout, which opens the FIFO by its name.
   *
   * @param owner the user as the host numbers it
   */
  static Fd output(@Nullable Path fifo, int owner) {
    Fd fd = output(fifo);
    if (fifo != null && owner != 0) {
      Descriptors.changeOwner(fd, owner);
    }
    return fd;
  }

  /**
   * Opens what a process writes, as a writer only: the reader sees the end when the process ends.
   * Waits a moment for the caller to have opened its end.
   */
  static Fd output(@Nullable Path fifo) {
    if (fifo == null) {
      return Descriptors.open(DEV_NULL, OpenFlag.WRITE);
    }
    Instant deadline = Instant.now().plus(READER_LIMIT);
    while (true) {
      try {
        Fd fd = Descriptors.open(fifo, OpenFlag.WRITE, OpenFlag.NON_BLOCKING);
        Descriptors.setNonBlocking(fd, false);
        return fd;
      } catch (NativeException e) {
        if (!e.is(Errno.ENXIO)) {
          throw e;
        }
        if (Instant.now().isAfter(deadline)) {
          throw new BerthException(
              BerthException.Kind.FAILED_PRECONDITION, fifo + ": nobody reads this FIFO", e);
        }
        LockSupport.parkNanos(RETRY_NANOS);
      }
    }
  }
}
