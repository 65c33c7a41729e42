package dev.berth.shim;

import static java.lang.System.Logger.Level.ERROR;

import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.NativeMemory;
import dev.berth.runtime.kernel.Syscalls;
import java.util.Map;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Waits on the descriptors of all processes at once: one thread and one epoll instance, whatever
 * their number.
 *
 * <p>A descriptor is watched for one event; whoever wants another asks again. Its action runs on a
 * virtual thread of its own, so it may take its time. Thread-safe.
 */
final class ExitWatch implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(ExitWatch.class.getName());

  // linux/eventpoll.h
  private static final int EPOLL_CLOEXEC = 0x80000;
  private static final int EPOLL_CTL_ADD = 1;
  private static final int EPOLL_CTL_MOD = 3;
  private static final int EPOLLIN = 1;
  private static final int EPOLLONESHOT = 1 << 30;
  // linux/eventfd.h
  private static final int EFD_CLOEXEC = 0x80000;

  private static final int MAX_EVENTS = 64;
  private static final int WAIT_FOR_EVER = -1;
  private static final long CLOSE_TOKEN = 0;

  private record Watched(Fd fd, Runnable action) {}

  private final Fd epoll = Fd.own(Syscalls.check("epoll_create1", "exits", EPOLL_CLOEXEC));
  private final Fd wakeUp = Fd.own(Syscalls.check("eventfd2", "exits", 0, EFD_CLOEXEC));
  private final AtomicLong tokens = new AtomicLong(CLOSE_TOKEN);
  private final Map<Long, Watched> watched = new ConcurrentHashMap<>();
  private final Thread thread;

  private ExitWatch() {
    control(EPOLL_CTL_ADD, wakeUp, EPOLLIN, CLOSE_TOKEN);
    this.thread = Thread.ofPlatform().daemon().name("shim-exits").unstarted(this::run);
  }

  static ExitWatch start() {
    var watch = new ExitWatch();
    watch.thread.start();
    return watch;
  }

  /**
   * Runs {@code action} once when {@code fd} becomes readable, at once if it is. One that is closed
   * before is forgotten.
   *
   * @param fd stays the caller's; not being watched
   */
  void once(Fd fd, Runnable action) {
    watched.values().removeIf(forgotten -> !forgotten.fd().isOpen());
    long token = tokens.incrementAndGet();
    watched.put(token, new Watched(fd, action));
    try {
      control(EPOLL_CTL_ADD, fd, EPOLLIN | EPOLLONESHOT, token);
    } catch (NativeException e) {
      if (!e.is(Errno.EEXIST)) {
        watched.remove(token);
        throw e;
      }
      control(EPOLL_CTL_MOD, fd, EPOLLIN | EPOLLONESHOT, token); // it has fired before
    }
  }

  private void control(int operation, Fd fd, int events, long token) {
    try (var event = NativeMemory.allocate(EpollEvents.BYTES)) {
      EpollEvents.write(event, events, token);
      Syscalls.check("epoll_ctl", fd, epoll.number(), operation, fd.number(), event.address());
    }
  }

  private void run() {
    try (var events = NativeMemory.allocate((long) EpollEvents.BYTES * MAX_EVENTS)) {
      while (true) {
        long count =
            Syscalls.check(
                "epoll_pwait",
                "exits",
                epoll.number(),
                events.address(),
                MAX_EVENTS,
                WAIT_FOR_EVER,
                0,
                0);
        for (int i = 0; i < count; i++) {
          long token = EpollEvents.token(events, i);
          if (token == CLOSE_TOKEN) {
            return;
          }
          dispatch(token);
        }
      }
    } finally {
      epoll.close();
    }
  }

  private void dispatch(long token) {
    Watched ready = watched.remove(token);
    if (ready != null) {
      Thread.ofVirtual().name("shim-exit").start(() -> act(ready.action()));
    }
  }

  private static void act(Runnable action) {
    try {
      action.run();
    } catch (RuntimeException e) { // outermost loop of this thread
      LOG.log(ERROR, "an exit could not be handled", e);
    }
  }

  boolean isRunning() {
    return thread.isAlive();
  }

  /** Ends the thread; nothing watched is called any more. Idempotent. */
  @Override
  public void close() {
    if (!wakeUp.isOpen() || !thread.isAlive()) {
      return;
    }
    try (var one = NativeMemory.allocate(Long.BYTES)) {
      one.putLong(0, 1);
      Syscalls.check("write", wakeUp, wakeUp.number(), one.address(), Long.BYTES);
      thread.join();
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } finally {
      wakeUp.close();
    }
  }
}
