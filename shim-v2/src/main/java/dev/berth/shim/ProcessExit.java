package dev.berth.shim;

import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.WARNING;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.kernel.EventLoop.Interest;
import dev.berth.runtime.kernel.EventLoop.Run;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.TaskProcess;
import java.time.Duration;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Follows one process to its end and tells of it exactly once.
 *
 * <p>The end is noticed by whoever looks first, the watch or a request that asks for the state; the
 * others find it told. Thread-safe.
 */
final class ProcessExit {
  private static final System.Logger LOG = System.getLogger(ProcessExit.class.getName());

  private static final Duration FIRST_RETRY = Duration.ofMillis(10);
  private static final Duration LAST_RETRY = Duration.ofSeconds(2);

  private final TaskProcess process;
  private final EventLoop loop;
  private final Consumer<TaskExit> teller;
  private final AtomicBoolean noticed = new AtomicBoolean();
  private final CompletableFuture<TaskExit> told = new CompletableFuture<>();
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private @Nullable Fd watched;

  @GuardedBy("lock") private EventLoop.@Nullable Registration registration;

  private volatile Duration retry = FIRST_RETRY;

  /**
   * Prepares to follow a process.
   *
   * @param teller called once, before {@link #told} completes; it may take its time
   */
  ProcessExit(TaskProcess process, EventLoop loop, Consumer<TaskExit> teller) {
    this.process = process;
    this.loop = loop;
    this.teller = teller;
  }

  /** Begins to follow; what hinders it now is tried again. */
  ProcessExit follow() {
    process.onSignalChange(() -> loop.after(Duration.ZERO, Run.VIRTUAL, () -> lookSurely(false)));
    lookSurely(false);
    return this;
  }

  /** Looks now whether the process has ended, and tells if nobody has yet. */
  Optional<TaskExit> look() {
    return look(false);
  }

  private Optional<TaskExit> look(boolean fired) {
    Optional<TaskExit> ended = process.poll();
    if (ended.isPresent()) {
      tell(ended.get());
    } else {
      keepWatching(fired);
    }
    return ended;
  }

  /**
   * Watches what {@link #process} now says is to be watched: every look, here or by others, may
   * have replaced the stub, and with it the descriptor.
   *
   * @param fired whether the watch over the present one is used up
   */
  private void keepWatching(boolean fired) {
    lock.lock();
    try {
      Fd signal = process.exitSignal().orElse(null);
      if (signal != null && signal.isOpen() && (fired || !signal.equals(watched))) {
        stopWatching();
        registration = loop.once(signal, Interest.READABLE, Run.VIRTUAL, this::fired);
        watched = signal;
      }
    } finally {
      lock.unlock();
    }
  }

  private void stopWatching() {
    lock.lock();
    try {
      if (registration != null) {
        registration.close();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Replacing a killed stub can fail for a while, of full disks or descriptors. The process writes
   * into its FIFO meanwhile, so nothing is lost as long as someone tries again.
   */
  private void lookSurely(boolean fired) {
    try {
      look(fired);
      retry = FIRST_RETRY;
    } catch (RuntimeException e) {
      if (!noticed.get()) {
        LOG.log(WARNING, "cannot look after pid " + process.pid() + ", trying again", e);
        loop.after(retry, Run.VIRTUAL, this::fired);
        retry = retry.compareTo(LAST_RETRY) < 0 ? retry.multipliedBy(2) : LAST_RETRY;
      }
    }
  }

  private void fired() {
    lookSurely(true);
  }

  private void tell(TaskExit exit) {
    if (!noticed.compareAndSet(false, true)) {
      return;
    }
    stopWatching();
    try {
      teller.accept(exit);
    } catch (RuntimeException e) { // those who wait must learn of the end all the same
      LOG.log(ERROR, "the end of pid " + process.pid() + " could not be told", e);
    }
    told.complete(exit);
  }

  /** Ends the wait for a process that was never started; nothing is told of it. Idempotent. */
  void conclude(TaskExit exit) {
    if (noticed.compareAndSet(false, true)) {
      stopWatching();
      told.complete(exit);
    }
  }

  /** Completes when the end has been told. */
  CompletableFuture<TaskExit> told() {
    return told.copy();
  }
}
