package dev.berth.runtime.kernel;

/** A counter that wakes whoever polls it: eventfd(2). */
public final class EventFd {
  // sys/eventfd.h
  private static final int EFD_NONBLOCK = 0x800;
  private static final int EFD_CLOEXEC = 0x80000;

  private static final byte[] ONE = {1, 0, 0, 0, 0, 0, 0, 0};

  private EventFd() {}

  /** Makes one with the count zero, which is readable when it is not; the caller closes it. */
  public static Fd create() {
    return Fd.own(Syscalls.check("eventfd2", "counter", 0, EFD_NONBLOCK | EFD_CLOEXEC));
  }

  static void signal(Fd eventFd) {
    Descriptors.write(eventFd, ONE);
  }

  /** Sets the counter back to zero. */
  public static void drain(Fd eventFd) {
    Descriptors.read(eventFd, 8);
  }
}
