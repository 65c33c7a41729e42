package dev.berth.runtime.kernel;

import java.util.concurrent.atomic.AtomicInteger;

/**
 * A file descriptor that someone owns.
 *
 * <p>The owner closes it, once or more often; after that {@link #number()} throws, so that a
 * recycled number is never used by mistake. Thread-safe.
 */
public final class Fd implements AutoCloseable {
  private static final int CLOSED = -1;

  private final AtomicInteger number;

  private Fd(int number) {
    this.number = new AtomicInteger(number);
  }

  /** Takes ownership of an open descriptor. */
  public static Fd own(long number) {
    if (number < 0 || number > Integer.MAX_VALUE) {
      throw new IllegalArgumentException("not a descriptor: " + number);
    }
    return new Fd((int) number);
  }

  /**
   * Returns the descriptor's number, valid while this object stays open.
   *
   * @throws IllegalStateException if it was closed
   */
  public int number() {
    int current = number.get();
    if (current == CLOSED) {
      throw new IllegalStateException("descriptor already closed");
    }
    return current;
  }

  /** Gives the number away: the caller owns it from now on and {@link #close()} does nothing. */
  public int release() {
    int current = number.getAndSet(CLOSED);
    if (current == CLOSED) {
      throw new IllegalStateException("descriptor already closed");
    }
    return current;
  }

  /** Opens a second descriptor of the same open file; the caller closes it. */
  public Fd duplicate() {
    // fcntl.h: F_DUPFD_CLOEXEC; the lowest numbers are left to the standard streams
    return own(Syscalls.check("fcntl", this, number(), FcntlCommands.F_DUPFD_CLOEXEC, 3));
  }

  public boolean isOpen() {
    return number.get() != CLOSED;
  }

  /**
   * Closes the descriptor. Idempotent; an error of close(2) is of no use to anyone and is dropped.
   */
  @Override
  public void close() {
    int current = number.getAndSet(CLOSED);
    if (current != CLOSED) {
      // Not retried on EINTR: on Linux the descriptor is gone even then, see close(2).
      Syscalls.callOnce(SyscallTable.host().number("close"), current);
    }
  }

  @Override
  public String toString() {
    int current = number.get();
    return current == CLOSED ? "fd closed" : "fd " + current;
  }
}
