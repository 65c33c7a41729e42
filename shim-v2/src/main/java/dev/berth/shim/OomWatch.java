package dev.berth.shim;

import static java.lang.System.Logger.Level.WARNING;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.proto.shim.events.TaskOOM;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.OomSignal;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.kernel.EventLoop.Run;
import dev.berth.runtime.task.Task;
import java.time.Duration;
import org.jspecify.annotations.Nullable;

/**
 * Tells when the kernel has killed something in a container for want of memory: at once, or at the
 * latest before the container's end is told.
 *
 * <p>What a predecessor of this shim saw is told again: nobody knows whether it was told.
 * Thread-safe.
 */
final class OomWatch {
  private static final System.Logger LOG = System.getLogger(OomWatch.class.getName());

  /** v1 wakes before it counts the kill; a big process takes a while to die. */
  private static final Duration SECOND_LOOK = Duration.ofMillis(200);

  private final Task task;
  private final EventPublisher events;
  private final EventLoop loop;

  @GuardedBy("this") private @Nullable OomSignal signal;

  @GuardedBy("this") private EventLoop.@Nullable Registration registration;

  @GuardedBy("this") private long told;

  @GuardedBy("this") private boolean ended;

  OomWatch(Task task, EventPublisher events, EventLoop loop) {
    this.task = task;
    this.events = events;
    this.loop = loop;
  }

  /** Begins, soon: whoever creates a container does not wait for this. */
  void start() {
    loop.after(Duration.ZERO, Run.VIRTUAL, this::watch);
  }

  private synchronized void watch() {
    if (ended) {
      return;
    }
    try {
      signal = task.cgroup().flatMap(Cgroup::oomSignal).orElse(null);
      if (signal != null) {
        registration = loop.watch(signal.fd(), signal.interest(), Run.VIRTUAL, this::fired);
        look();
      }
    } catch (RuntimeException e) { // what happens is still seen at the container's end
      LOG.log(WARNING, "cannot watch the memory of container " + task.id(), e);
    }
  }

  private synchronized void fired() {
    if (ended || signal == null) {
      return;
    }
    signal.rearm();
    look();
    loop.after(SECOND_LOOK, Run.VIRTUAL, this::look);
  }

  private synchronized void look() {
    if (ended) {
      return;
    }
    long kills = task.cgroup().map(group -> group.oomKills().orElse(0)).orElse(0L);
    if (kills > told) {
      told = kills;
      events.publish(ShimEventTopics.OOM, TaskOOM.newBuilder().setContainerId(task.id()).build());
    }
  }

  /** Looks for the last time, while the group is still there. Idempotent. */
  synchronized void end() {
    try {
      look();
    } catch (RuntimeException e) { // the end of the container must be told all the same
      LOG.log(WARNING, "cannot read the memory events of container " + task.id(), e);
    }
    ended = true;
    if (registration != null) {
      registration.close();
    }
    if (signal != null) {
      signal.close();
    }
  }
}
