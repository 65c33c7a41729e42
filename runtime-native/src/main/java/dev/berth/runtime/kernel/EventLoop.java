package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.PriorityQueue;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Waits for any number of descriptors and timers on one platform thread: epoll(7). A process has
 * one, for pidfds, control sockets, cgroup.events and the like.
 *
 * <p>Guarantees:
 *
 * <ul>
 *   <li>A callback of one registration never runs twice at the same time: its descriptor is
 *       disarmed when an event is taken and armed again when the callback has returned. What was
 *       not consumed is then reported again.
 *   <li>After {@link Registration#close} has returned no callback of it <em>starts</em>; one that
 *       is running goes on.
 *   <li>A callback that throws is logged and stays registered.
 *   <li>The loop owns no registered descriptor. Close the registration first, then the descriptor.
 * </ul>
 *
 * <p>Thread-safe. Callbacks may register, close and set timers themselves; an inline one must not
 * close the loop.
 */
public final class EventLoop implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(EventLoop.class.getName());

  /** What of a descriptor is waited for. An error or a hang-up is always reported. */
  public enum Interest {
    /** Data, a connection, the exit of a process, the end of a peer. */
    READABLE(Epoll.EPOLLIN | Epoll.EPOLLRDHUP),
    /** A change of a kernfs file such as cgroup.events; read it again to arm it. */
    CHANGED(Epoll.EPOLLPRI);

    private final int events;

    Interest(int events) {
      this.events = events;
    }
  }

  /** Where a callback runs. */
  public enum Run {
    /** On the loop's own thread: for what takes microseconds and never waits. */
    INLINE,
    /** On a new virtual thread for each event. */
    VIRTUAL
  }

  /** The token of the wake-up descriptor; registrations count from one. */
  private static final long WAKE_UP = 0;

  private static final int MAX_EVENTS = 64;

  private final Epoll epoll;
  private final Fd wakeUp;
  private final Thread thread;

  /** Held across epoll_ctl, which never waits, so that the map and the kernel agree. */
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private final Map<Long, Registration> registrations = new HashMap<>();

  @GuardedBy("lock") private final PriorityQueue<Timer> timers = new PriorityQueue<>();

  @GuardedBy("lock") private long lastToken = WAKE_UP;

  @GuardedBy("lock") private boolean closed;

  private EventLoop(String name, Epoll epoll, Fd wakeUp) {
    this.epoll = epoll;
    this.wakeUp = wakeUp;
    this.thread = Thread.ofPlatform().name(name).daemon().unstarted(this::run);
  }

  /** Starts a loop whose thread has this name. */
  public static EventLoop start(String name) {
    Epoll epoll = Epoll.create();
    try {
      Fd wakeUp = EventFd.create();
      epoll.add(wakeUp.number(), Epoll.EPOLLIN, WAKE_UP);
      EventLoop loop = new EventLoop(name, epoll, wakeUp);
      loop.thread.start();
      return loop;
    } catch (RuntimeException e) {
      epoll.close();
      throw e;
    }
  }

  /**
   * Calls back whenever there is an event, until the registration is closed.
   *
   * @param fd stays the caller's, open until the registration is closed
   * @throws NativeException EEXIST if the descriptor is registered already, EPERM if its kind of
   *     file cannot be waited for
   */
  public Registration watch(Fd fd, Interest interest, Run run, Runnable callback) {
    return register(fd, interest, run, callback, false);
  }

  /**
   * Calls back at the first event only, and ends the registration then: for pidfds, which once
   * readable stay so.
   */
  public Registration once(Fd fd, Interest interest, Run run, Runnable callback) {
    return register(fd, interest, run, callback, true);
  }

  private Registration register(
      Fd fd, Interest interest, Run run, Runnable callback, boolean once) {
    lock.lock();
    try {
      requireOpen();
      var registration = new Registration(++lastToken, fd, interest.events, run, callback, once);
      registrations.put(registration.token, registration);
      try {
        epoll.add(fd.number(), interest.events | Epoll.EPOLLONESHOT, registration.token);
      } catch (RuntimeException e) {
        registrations.remove(registration.token);
        throw e;
      }
      return registration;
    } finally {
      lock.unlock();
    }
  }

  /** Runs a task once after a delay, or at once if the delay is not positive. */
  public Timer after(Duration delay, Run run, Runnable task) {
    Timer timer = new Timer(System.nanoTime() + delay.toNanos(), run, task);
    lock.lock();
    try {
      requireOpen();
      timers.add(timer);
      if (timers.peek() == timer) {
        EventFd.signal(wakeUp);
      }
      return timer;
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock") private void requireOpen() {
    if (closed) {
      throw new BerthException(FAILED_PRECONDITION, thread.getName() + " is closed");
    }
  }

  /** How many registrations and timers there are, for leak checks. */
  public int size() {
    lock.lock();
    try {
      return registrations.size() + timers.size();
    } finally {
      lock.unlock();
    }
  }

  /** A descriptor that is waited for. */
  public final class Registration implements AutoCloseable {
    private final long token;
    private final Fd fd;
    private final int events;
    private final Run run;
    private final Runnable callback;
    private final boolean once;

    private Registration(long token, Fd fd, int events, Run run, Runnable callback, boolean once) {
      this.token = token;
      this.fd = fd;
      this.events = events;
      this.run = run;
      this.callback = callback;
      this.once = once;
    }

    /** Ends the registration. Idempotent; the descriptor stays open. */
    @Override
    public void close() {
      lock.lock();
      try {
        // A descriptor closed too early has left epoll by itself, and its number may be another's.
        if (registrations.remove(token) != null && fd.isOpen()) {
          epoll.remove(fd.number());
        }
      } finally {
        lock.unlock();
      }
    }

    private void fire() {
      if (once) {
        close();
      }
      execute(run, this::call);
    }

    private void call() {
      guarded(callback);
      if (!once) {
        rearm();
      }
    }

    private void rearm() {
      lock.lock();
      try {
        if (registrations.containsKey(token) && fd.isOpen()) {
          epoll.modify(fd.number(), events | Epoll.EPOLLONESHOT, token);
        }
      } finally {
        lock.unlock();
      }
    }
  }

  /** A task for later. */
  public final class Timer implements Comparable<Timer> {
    private final long deadline;
    private final Run run;
    private final Runnable task;

    private Timer(long deadline, Run run, Runnable task) {
      this.deadline = deadline;
      this.run = run;
      this.task = task;
    }

    /** Takes the task back; returns false if it has started already. Idempotent. */
    public boolean cancel() {
      lock.lock();
      try {
        return timers.remove(this);
      } finally {
        lock.unlock();
      }
    }

    /** Earlier ones first; of System.nanoTime only differences mean anything. */
    @Override
    @SuppressWarnings("ComparableType")
    public int compareTo(Timer other) {
      return Long.signum(deadline - other.deadline);
    }
  }

  private void run() {
    try (var events = epoll.newEvents(MAX_EVENTS)) {
      while (!isClosed()) {
        int count = epoll.await(events, nanosToNextTimer());
        for (int i = 0; i < count; i++) {
          dispatch(events.token(i));
        }
        dueTimers().forEach(timer -> execute(timer.run, () -> guarded(timer.task)));
      }
    } finally {
      epoll.close();
      wakeUp.close();
    }
  }

  private void dispatch(long token) {
    if (token == WAKE_UP) {
      EventFd.drain(wakeUp);
      return;
    }
    Registration registration = find(token);
    if (registration != null) { // else it was closed after the kernel had reported it
      registration.fire();
    }
  }

  private @Nullable Registration find(long token) {
    lock.lock();
    try {
      return registrations.get(token);
    } finally {
      lock.unlock();
    }
  }

  private boolean isClosed() {
    lock.lock();
    try {
      return closed;
    } finally {
      lock.unlock();
    }
  }

  /** Negative for none. */
  private long nanosToNextTimer() {
    lock.lock();
    try {
      Timer next = timers.peek();
      return next == null ? -1 : Math.max(0, next.deadline - System.nanoTime());
    } finally {
      lock.unlock();
    }
  }

  private List<Timer> dueTimers() {
    List<Timer> due = new ArrayList<>();
    lock.lock();
    try {
      for (Timer next = timers.peek();
          next != null && next.deadline - System.nanoTime() <= 0;
          next = timers.peek()) {
        due.add(timers.remove());
      }
    } finally {
      lock.unlock();
    }
    return due;
  }

  private void execute(Run run, Runnable work) {
    switch (run) {
      case INLINE -> work.run();
      case VIRTUAL -> Thread.ofVirtual().name(thread.getName() + "-event").start(work);
    }
  }

  private void guarded(Runnable callback) {
    try {
      callback.run();
    } catch (RuntimeException | Error e) { // one faulty owner must not stop the events of others
      LOG.log(System.Logger.Level.ERROR, "a callback of " + thread.getName() + " failed", e);
    }
  }

  /**
   * Stops the loop and waits for its thread; nothing that was registered is called any more.
   * Idempotent. Registered descriptors stay open.
   */
  @Override
  public void close() {
    lock.lock();
    try {
      if (!closed) {
        closed = true;
        registrations.clear();
        timers.clear();
        EventFd.signal(wakeUp);
      }
    } finally {
      lock.unlock();
    }
    PlatformThreads.awaitEnd(thread);
  }
}
