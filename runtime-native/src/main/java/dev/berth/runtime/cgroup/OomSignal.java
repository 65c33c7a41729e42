package dev.berth.runtime.cgroup;

import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.EventFd;
import dev.berth.runtime.kernel.EventLoop.Interest;
import dev.berth.runtime.kernel.Fd;

/** A descriptor for the event loop that has an event when a group was out of memory. */
public sealed interface OomSignal extends AutoCloseable {
  /** The descriptor, owned by this object. */
  Fd fd();

  /** What of it to wait for. */
  Interest interest();

  /** Makes it wait for the next event. */
  void rearm();

  /** Stops. Idempotent. */
  @Override
  default void close() {
    fd().close();
  }

  /** The eventfd of a v1 group. */
  record Counter(Fd fd) implements OomSignal {
    @Override
    public Interest interest() {
      return Interest.READABLE;
    }

    @Override
    public void rearm() {
      EventFd.drain(fd);
    }
  }

  /** The memory.events of a v2 group. */
  record Events(Fd fd) implements OomSignal {
    private static final int BYTES = 4096;

    @Override
    public Interest interest() {
      return Interest.CHANGED;
    }

    @Override
    public void rearm() {
      Descriptors.readAt(fd, 0, BYTES);
    }
  }
}
