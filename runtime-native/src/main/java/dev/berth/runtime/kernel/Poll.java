package dev.berth.runtime.kernel;

import java.time.Duration;

/** Waits for one descriptor with ppoll(2). Many at once are for the {@link EventLoop}. */
final class Poll {
  // asm-generic/poll.h
  static final short POLLIN = 1;
  static final short POLLPRI = 2;
  static final short POLLOUT = 4;

  private static final int SIZE_OF_POLLFD = 8;
  private static final int SIZE_OF_TIMESPEC = 16;

  private Poll() {}

  /**
   * Waits until one of the events, an error or a hang-up is there.
   *
   * @return false if the time is over first
   */
  static boolean await(Fd fd, short events, Duration timeout) {
    if (!timeout.isPositive()) {
      return poll(fd, events, 0);
    }
    return PlatformThreads.waiting(() -> pollUntil(fd, events, timeout));
  }

  private static boolean pollUntil(Fd fd, short events, Duration timeout) {
    long deadline = System.nanoTime() + timeout.toNanos();
    while (true) {
      long left = Math.max(0, deadline - System.nanoTime());
      if (poll(fd, events, left)) {
        return true;
      }
      if (left == 0) {
        return false;
      }
    }
  }

  /** One call; returns false also if a signal came first. */
  private static boolean poll(Fd fd, short events, long nanos) {
    try (var pollfd = NativeMemory.allocate(SIZE_OF_POLLFD);
        var timespec = NativeMemory.allocate(SIZE_OF_TIMESPEC)) {
      pollfd.putInt(0, fd.number()).putShort(4, events);
      timespec.putLong(0, nanos / 1_000_000_000).putLong(8, nanos % 1_000_000_000);
      Syscalls.Result result =
          Syscalls.callOnce(
              Descriptors.number("ppoll"), pollfd.address(), 1, timespec.address(), 0, 8);
      if (result.failedWith(Errno.EINTR)) {
        return false;
      }
      return Descriptors.checked("ppoll", fd, result) > 0;
    }
  }
}
