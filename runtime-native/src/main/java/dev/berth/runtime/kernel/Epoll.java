package dev.berth.runtime.kernel;

/** An epoll instance: epoll(7). The kernel's part is thread-safe; see {@link EventLoop}. */
final class Epoll implements AutoCloseable {
  // linux/eventpoll.h
  static final int EPOLLIN = 0x1;
  static final int EPOLLPRI = 0x2;
  static final int EPOLLRDHUP = 0x2000;
  static final int EPOLLONESHOT = 1 << 30;
  private static final int EPOLL_CTL_ADD = 1;
  private static final int EPOLL_CTL_DEL = 2;
  private static final int EPOLL_CTL_MOD = 3;
  private static final int EPOLL_CLOEXEC = 0x80000;

  // struct epoll_event is packed on x86-64 only
  private static final boolean PACKED = SyscallTable.host().architecture().equals("amd64");
  static final int SIZE_OF_EPOLL_EVENT = PACKED ? 12 : 16;
  private static final int EPOLL_EVENT_DATA = PACKED ? 4 : 8;

  private final Fd fd;

  private Epoll(Fd fd) {
    this.fd = fd;
  }

  static Epoll create() {
    return new Epoll(Fd.own(Syscalls.check("epoll_create1", "epoll", EPOLL_CLOEXEC)));
  }

  void add(int number, int events, long token) {
    control(EPOLL_CTL_ADD, number, events, token);
  }

  void modify(int number, int events, long token) {
    control(EPOLL_CTL_MOD, number, events, token);
  }

  void remove(int number) {
    control(EPOLL_CTL_DEL, number, 0, 0);
  }

  private void control(int operation, int number, int events, long token) {
    try (var event = NativeMemory.allocate(SIZE_OF_EPOLL_EVENT)) {
      event.putInt(0, events).putLong(EPOLL_EVENT_DATA, token);
      Syscalls.check("epoll_ctl", "fd " + number, fd.number(), operation, number, event.address());
    }
  }

  /** Where {@link #await} puts what happened. */
  static final class Events implements AutoCloseable {
    private final NativeMemory block;
    private final int capacity;

    private Events(int capacity) {
      this.block = NativeMemory.allocate((long) SIZE_OF_EPOLL_EVENT * capacity);
      this.capacity = capacity;
    }

    long token(int index) {
      return block.getLong((long) SIZE_OF_EPOLL_EVENT * index + EPOLL_EVENT_DATA);
    }

    @Override
    public void close() {
      block.close();
    }
  }

  Events newEvents(int capacity) {
    return new Events(capacity);
  }

  /**
   * Waits on this thread.
   *
   * @param timeoutNanos rounded up to milliseconds; negative for ever
   * @return how many events there are; none at the timeout or a signal
   */
  int await(Events events, long timeoutNanos) {
    long millis =
        timeoutNanos < 0 ? -1 : Math.min(Integer.MAX_VALUE, (timeoutNanos + 999_999) / 1_000_000);
    Syscalls.Result result =
        Syscalls.callOnce(
            Descriptors.number("epoll_pwait"),
            fd.number(),
            events.block.address(),
            events.capacity,
            millis,
            0,
            8);
    return result.failedWith(Errno.EINTR)
        ? 0
        : (int) Descriptors.checked("epoll_pwait", fd, result);
  }

  @Override
  public void close() {
    fd.close();
  }
}
