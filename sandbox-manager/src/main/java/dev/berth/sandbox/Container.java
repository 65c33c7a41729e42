package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * A container: its record, and what happens to it.
 *
 * <p>Two locks. {@link #lifecycle} is held by the verbs that move a container along, start and
 * remove, for as long as they take; stop does not take it, or a second stop could not shorten the
 * first. {@code state} is held for a transition only: persist, publish, wake those who wait.
 *
 * <p>An exit may be reported before the start that it follows has been recorded, since the shim
 * answers the two on different streams. It is kept then, and applied right after the start.
 *
 * <p>Thread-safe.
 */
final class Container {
  private static final System.Logger LOG = System.getLogger(Container.class.getName());
  private static final int START_FAILED = 128;

  private final ReentrantLock lifecycle = new ReentrantLock();
  private final ReentrantLock state = new ReentrantLock();
  private final Condition changed = state.newCondition();
  private final Consumer<ContainerRecord> store;
  private final Consumer<ContainerRecord> onChange;

  private volatile ContainerRecord record;

  /** Written under the lock. */
  private volatile boolean starting;

  @GuardedBy("state") private @Nullable ExitReport early;

  @GuardedBy("state") private @Nullable Instant stopDeadline;

  private final ToldOnce stopNotice;
  private final ToldOnce removeNotice = new ToldOnce(false);
  private volatile boolean removed;
  private volatile boolean beingRemoved;
  private volatile boolean saved = true;
  private volatile boolean inDoubt;

  /**
   * @param store makes a record durable
   * @param onChange told of every new state, under the lock: it must not wait
   */
  Container(
      ContainerRecord record, Consumer<ContainerRecord> store, Consumer<ContainerRecord> onChange) {
    this.record = record;
    this.store = store;
    this.onChange = onChange;
    this.stopNotice = new ToldOnce(record.state() instanceof ContainerState.Exited);
  }

  String id() {
    return record.id();
  }

  ContainerRecord record() {
    return record;
  }

  /** Tells an operation that it works on this container. */
  void concerns(Operation operation) {
    operation.concerns(id(), record.name().toString());
  }

  ContainerState currentState() {
    return record.state();
  }

  /** Held by start and remove; a caller waits at most as long as it is given. */
  ReentrantLock lifecycle() {
    return lifecycle;
  }

  /** What tells plugins that it has ended. */
  ToldOnce stopNotice() {
    return stopNotice;
  }

  /** What tells plugins that it is removed. */
  ToldOnce removeNotice() {
    return removeNotice;
  }

  boolean isRemoved() {
    return removed;
  }

  /** Says that it may never have been made to the end, and not be there soon. */
  void markInDoubt(boolean inDoubt) {
    this.inDoubt = inDoubt;
  }

  boolean isInDoubt() {
    return inDoubt;
  }

  /** Says that somebody is at removing it; it may be there still afterwards. */
  void markBeingRemoved(boolean beingRemoved) {
    this.beingRemoved = beingRemoved;
  }

  boolean isBeingRemoved() {
    return beingRemoved;
  }

  /**
   * Ends its life: from now on nothing that happens to it is recorded.
   *
   * @param removal removes the record
   */
  void retire(Runnable removal) {
    state.lock();
    try {
      removal.run();
      removed = true;
      changed.signalAll();
    } finally {
      state.unlock();
    }
  }

  /**
   * Claims the right to start the task.
   *
   * @throws BerthException FAILED_PRECONDITION unless it is CREATED and nobody starts it
   */
  void beginStart() {
    state.lock();
    try {
      requireStartable();
      starting = true;
    } finally {
      state.unlock();
    }
  }

  /**
   * Says early what {@link #beginStart} would say.
   *
   * @throws BerthException FAILED_PRECONDITION unless it is CREATED and nobody starts it
   */
  void requireStartable() {
    state.lock();
    try {
      if (removed || starting || !(record.state() instanceof ContainerState.Created)) {
        throw new BerthException(
            FAILED_PRECONDITION, "container " + id() + " cannot start: it is " + describe());
      }
    } finally {
      state.unlock();
    }
  }

  /** Records that the task runs, and its end if that was reported meanwhile. */
  void started(int pid, Instant now) {
    state.lock();
    try {
      starting = false;
      Instant createdAt = record.state().createdAt();
      move(new ContainerState.Running(createdAt, now, pid));
      if (early != null) {
        applyExit(early);
      }
    } finally {
      state.unlock();
    }
  }

  /** Records that the task could not be started. */
  void startFailed(String message, Instant now) {
    state.lock();
    try {
      starting = false;
      moveAnyway(
          new ContainerState.Exited(
              record.state().createdAt(),
              Instant.EPOCH,
              now,
              START_FAILED,
              ExitReasons.START_ERROR,
              message));
    } finally {
      state.unlock();
    }
  }

  /**
   * Takes note of the end of the task. A second report changes nothing.
   *
   * <p>What happened is true also if the disk is full: then it is published without being durable,
   * and {@link #isSaved} says so.
   */
  void exited(ExitReport report) {
    state.lock();
    try {
      if (removed) {
        return;
      }
      if (starting) {
        early = report;
        return;
      }
      applyExit(report);
    } finally {
      state.unlock();
    }
  }

  @GuardedBy("state") private void applyExit(ExitReport report) {
    switch (record.state()) {
      case ContainerState.Created(var createdAt) ->
          moveAnyway(exit(createdAt, Instant.EPOCH, report));
      case ContainerState.Running(var createdAt, var startedAt, int _) ->
          moveAnyway(exit(createdAt, startedAt, report));
      case ContainerState.Unknown(var createdAt, var startedAt, var _) ->
          moveAnyway(exit(createdAt, startedAt, report));
      case ContainerState.Exited _ -> {}
    }
  }

  private static ContainerState exit(Instant createdAt, Instant startedAt, ExitReport report) {
    Instant at = report.at().isAfter(startedAt) ? report.at() : startedAt; // clocks can go back
    return new ContainerState.Exited(
        createdAt, startedAt, at, report.exitCode(), report.reason(), report.message());
  }

  /** Records that nobody can be asked about the task. */
  void lost(String why) {
    state.lock();
    try {
      if (removed) {
        return;
      }
      Instant startedAt =
          record.state() instanceof ContainerState.Running running
              ? running.startedAt()
              : Instant.EPOCH;
      moveAnyway(new ContainerState.Unknown(record.state().createdAt(), startedAt, why));
    } finally {
      state.unlock();
    }
  }

  /**
   * Requires it to be there still, of whoever found it and then waited.
   *
   * @throws BerthException NOT_FOUND if it was removed meanwhile
   */
  void requireThere() {
    if (removed) {
      throw new BerthException(NOT_FOUND, "container " + id() + " was removed");
    }
  }

  /**
   * Records that the limits are others now.
   *
   * @throws BerthException NOT_FOUND if it was removed
   */
  void limited(LinuxContainerResources limits) {
    state.lock();
    try {
      requireThere();
      ContainerRecord changed = record.with(limits);
      store.accept(changed);
      record = changed;
    } finally {
      state.unlock();
    }
  }

  /** Records that its cgroup is another one than was intended; nothing if it was removed. */
  void moved(String cgroup) {
    state.lock();
    try {
      if (removed) {
        return;
      }
      ContainerRecord changed = record.with(cgroup);
      store.accept(changed);
      record = changed;
    } finally {
      state.unlock();
    }
  }

  /** Records that recovery found it running, unless whoever starts it is about to. */
  void foundRunning(int pid, Instant now) {
    state.lock();
    try {
      boolean isKnown = record.state() instanceof ContainerState.Running;
      if (!removed && !starting && !isKnown) {
        move(new ContainerState.Running(record.state().createdAt(), now, pid));
      }
    } finally {
      state.unlock();
    }
  }

  /** A record that is gone must not come back: the next process would list a container by it. */
  @GuardedBy("state") private void move(ContainerState next) {
    if (removed) {
      return;
    }
    ContainerRecord moved = record.with(next);
    store.accept(moved);
    saved = true;
    publish(moved);
  }

  @GuardedBy("state") private void moveAnyway(ContainerState next) {
    try {
      move(next);
    } catch (BerthException e) {
      LOG.log(System.Logger.Level.ERROR, "cannot record the state of container " + id(), e);
      saved = false;
      publish(record.with(next));
    }
  }

  @GuardedBy("state") private void publish(ContainerRecord moved) {
    record = moved;
    changed.signalAll();
    onChange.accept(moved);
  }

  /** Tells whether the present state is on disk. */
  boolean isSaved() {
    return saved;
  }

  /**
   * Asks for the end by a moment; the earliest that anyone asked for counts.
   *
   * @return whether this is the first to ask
   */
  boolean requestStop(Instant deadline) {
    state.lock();
    try {
      boolean first = stopDeadline == null;
      if (stopDeadline == null || deadline.isBefore(stopDeadline)) {
        stopDeadline = deadline;
        changed.signalAll();
      }
      return first;
    } finally {
      state.unlock();
    }
  }

  /**
   * Takes back the first request to end: its signal could not be sent, so the next one sends it.
   */
  void withdrawStop() {
    state.lock();
    try {
      stopDeadline = null;
      changed.signalAll();
    } finally {
      state.unlock();
    }
  }

  /** Waits until the container does not run or its stop deadline has passed; says which. */
  boolean awaitStopDeadline(Duration limit) {
    return await(limit, true, () -> !isActive());
  }

  /** Waits until the container does not run; says whether it does not. */
  boolean awaitExit(Duration limit) {
    return await(limit, false, () -> !isActive());
  }

  /** Waits until the container is EXITED, also from CREATED; says whether it is. */
  boolean awaitEnd(Duration limit) {
    return await(limit, false, () -> removed || record.state() instanceof ContainerState.Exited);
  }

  private boolean await(Duration limit, boolean untilStopDeadline, BooleanSupplier reached) {
    Instant end = Instant.now().plus(limit);
    state.lock();
    try {
      while (!reached.getAsBoolean()) {
        Instant until = untilStopDeadline ? earlier(end, stopDeadline) : end;
        Duration left = Duration.between(Instant.now(), until);
        if (left.isNegative() || left.isZero()) {
          return false;
        }
        var _ = changed.await(left.toNanos(), TimeUnit.NANOSECONDS);
      }
      return true;
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, "interrupted while waiting for container " + id(), e);
    } finally {
      state.unlock();
    }
  }

  private static Instant earlier(Instant a, @Nullable Instant b) {
    return b != null && b.isBefore(a) ? b : a;
  }

  /** Tells whether it has, or may have, a process that runs its program. */
  private boolean isActive() { // under the lock, as all callers of await do

    return !removed
        && (starting
            || switch (record.state()) {
              case ContainerState.Running _, ContainerState.Unknown _ -> true;
              case ContainerState.Created _, ContainerState.Exited _ -> false;
            });
  }

  /** Returns the pid of the running program. */
  Optional<Integer> pid() {
    return record.state() instanceof ContainerState.Running running
        ? Optional.of(running.pid())
        : Optional.empty();
  }

  /** Returns the state in one word, for errors. */
  String describe() {
    if (removed) {
      return "removed";
    }
    return switch (record.state()) {
      case ContainerState.Created _ -> "created";
      case ContainerState.Running _ -> "running";
      case ContainerState.Exited _ -> "exited";
      case ContainerState.Unknown _ -> "in an unknown state";
    };
  }
}
