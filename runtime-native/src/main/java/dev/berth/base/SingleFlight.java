package dev.berth.base;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.lang.System.Logger.Level.DEBUG;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.locks.Condition;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Lets callers that want the same thing at the same time share one run of the work.
 *
 * <p>The work belongs to the flight, not to the caller that came first: it runs on a virtual thread
 * of its own with an {@link Operation} of its own. A caller that is cancelled or out of time leaves
 * alone; the others do not notice. When the last one leaves, the flight's operation is cancelled.
 *
 * <p>Of one key at most one run exists at any moment: who comes while a cancelled run still cleans
 * up gets a new flight that starts when the old one is over. Nothing is cached: after a flight
 * landed the next caller starts another.
 *
 * <p>Callers must agree that equal keys mean equal work, and must have checked before they join
 * that they may have the result at all. Thread-safe.
 *
 * @param <K> what the work is about; equals and hashCode decide
 * @param <V> the result, shared by all callers and therefore immutable
 */
public final class SingleFlight<K, V> {
  /** The shared work. It must honour the cancellation of its operation in good time. */
  @FunctionalInterface
  public interface Work<V> {
    V run(Operation flight) throws Exception;
  }

  private static final System.Logger LOG = System.getLogger(SingleFlight.class.getName());
  private static final Duration FOREVER = Duration.ofDays(365);

  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private final Map<K, Flight> flights = new HashMap<>();

  private final class Flight {
    final K key;
    final Operation operation;
    final Work<? extends V> work;
    final @Nullable Flight before;
    final Condition changed = lock.newCondition();
    int callers;
    boolean abandoned;
    boolean landed;
    @Nullable V result;
    @Nullable Throwable failure;

    Flight(K key, Operation operation, Work<? extends V> work, @Nullable Flight before) {
      this.key = key;
      this.operation = operation;
      this.work = work;
      this.before = before;
    }
  }

  /**
   * Returns the result of the flight for {@code key}, starting it if none is under way.
   *
   * @param caller whose cancellation and deadline end this call, and only this call; the flight's
   *     operation has the verb of the first caller and nothing else of it
   * @throws BerthException what the work threw, the same kind and message for every caller; or
   *     CANCELLED or DEADLINE_EXCEEDED of the caller itself
   */
  public V join(K key, Operation caller, Work<? extends V> work) {
    caller.check();
    Flight flight = board(key, caller, work);
    caller.follow(flight.operation);
    try {
      caller.onCancel(() -> wake(flight));
      return await(flight, caller);
    } finally {
      leave(flight);
    }
  }

  /** How many callers wait for a key now. */
  public int callers(K key) {
    lock.lock();
    try {
      Flight flight = flights.get(key);
      return flight == null || flight.abandoned ? 0 : flight.callers;
    } finally {
      lock.unlock();
    }
  }

  private Flight board(K key, Operation caller, Work<? extends V> work) {
    lock.lock();
    try {
      Flight present = flights.get(key);
      if (present != null && !present.abandoned) {
        present.callers++;
        return present;
      }
      var flight = new Flight(key, Operation.internal(caller.verb()), work, present);
      flight.callers = 1;
      flights.put(key, flight);
      Thread.ofVirtual().name("flight-" + key).start(() -> fly(flight));
      return flight;
    } finally {
      lock.unlock();
    }
  }

  private void fly(Flight flight) {
    V result = null;
    Throwable failure = null;
    try (var _ = flight.operation.listed()) {
      awaitLanding(flight.before);
      flight.operation.check();
      result = flight.work.run(flight.operation);
    } catch (Throwable e) { // outermost of its thread: all callers get it
      failure = e;
    }
    land(flight, result, failure);
    LOG.log(
        DEBUG,
        () -> flight.operation.verb() + " " + flight.key + ": " + flight.operation.timings());
  }

  private void awaitLanding(@Nullable Flight before) {
    if (before == null) {
      return;
    }
    lock.lock();
    try {
      while (!before.landed) {
        before.changed.awaitUninterruptibly();
      }
    } finally {
      lock.unlock();
    }
  }

  private void land(Flight flight, @Nullable V result, @Nullable Throwable failure) {
    lock.lock();
    try {
      flight.landed = true;
      flight.result = result;
      flight.failure = failure;
      flights.remove(flight.key, flight);
      flight.changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private V await(Flight flight, Operation caller) {
    lock.lock();
    try {
      while (!flight.landed) {
        caller.check();
        long left = caller.remaining(FOREVER).toNanos();
        // One more than what is left, so that the deadline has passed when check() runs again.
        flight.changed.await(left + 1, TimeUnit.NANOSECONDS);
      }
      return outcome(flight);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(
          BerthException.Kind.CANCELLED, caller.verb() + ": interrupted while waiting", e);
    } finally {
      lock.unlock();
    }
  }

  private V outcome(Flight flight) {
    if (flight.failure instanceof BerthException e) {
      throw new BerthException(e.kind(), String.valueOf(e.getMessage()), e);
    }
    if (flight.failure != null) {
      throw new BerthException(
          INTERNAL, flight.operation.verb() + ": " + flight.failure, flight.failure);
    }
    return Objects.requireNonNull(flight.result, "the work returned null");
  }

  private void wake(Flight flight) {
    lock.lock();
    try {
      flight.changed.signalAll();
    } finally {
      lock.unlock();
    }
  }

  private void leave(Flight flight) {
    boolean last;
    lock.lock();
    try {
      flight.callers--;
      last = flight.callers == 0 && !flight.landed;
      flight.abandoned |= last;
    } finally {
      lock.unlock();
    }
    if (last) {
      flight.operation.cancel(); // outside the lock: it runs the work's own cancel actions
    }
  }
}
