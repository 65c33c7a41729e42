package dev.berth.base;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;

import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Accompanies one request from the edge to the stub: who asked, which stage it is in, how long it
 * may take, and whether it was cancelled.
 *
 * <p>A verb of weight has an enum of its stages and calls {@link #enter} before each: that is where
 * cancellation and the deadline are honoured, where an error gets the name of the stage, and where
 * the fault tests strike (see {@link FaultPoints}).
 *
 * <p>Thread-safe: the stage is written by the thread that runs the verb, {@link #cancel} may come
 * from any thread.
 */
public final class Operation {
  private static final AtomicLong SEQUENCE = new AtomicLong();

  private final String verb;
  private final String requestId;
  private final @Nullable Instant deadline;
  private final @Nullable String traceparent;
  private final Instant startedAt = Instant.now();
  private final List<Runnable> onCancel = new CopyOnWriteArrayList<>();
  private volatile @Nullable Enum<?> stage;
  private volatile boolean cancelled;

  private Operation(String verb, @Nullable Instant deadline, @Nullable String traceparent) {
    this.verb = verb;
    this.requestId = Long.toHexString(SEQUENCE.incrementAndGet());
    this.deadline = deadline;
    this.traceparent = traceparent;
  }

  /**
   * Starts an operation.
   *
   * @param verb the RPC or command, {@code "RunPodSandbox"}
   * @param timeout time the whole operation may take; null for none
   * @param traceparent W3C trace context of the caller, passed on to shims; null for none
   */
  public static Operation start(
      String verb, @Nullable Duration timeout, @Nullable String traceparent) {
    return new Operation(verb, timeout == null ? null : Instant.now().plus(timeout), traceparent);
  }

  /** Starts an operation without deadline or trace, for work that the server does by itself. */
  public static Operation internal(String verb) {
    return new Operation(verb, null, null);
  }

  /**
   * Enters a stage.
   *
   * @throws BerthException CANCELLED or DEADLINE_EXCEEDED naming verb and stage
   */
  public void enter(Enum<?> next) {
    stage = next;
    check();
    FaultPoints.strike(verb, next);
  }

  /** Throws if the operation was cancelled or its deadline has passed. Cheap; call it in loops. */
  public void check() {
    if (cancelled) {
      throw new BerthException(CANCELLED, verb + where() + ": cancelled by the caller");
    }
    if (deadline != null && Instant.now().isAfter(deadline)) {
      throw new BerthException(DEADLINE_EXCEEDED, verb + where() + ": deadline exceeded");
    }
  }

  /** Returns the time left, at most {@code limit}; never negative. */
  public Duration remaining(Duration limit) {
    if (deadline == null) {
      return limit;
    }
    Duration left = Duration.between(Instant.now(), deadline);
    if (left.isNegative()) {
      return Duration.ZERO;
    }
    return left.compareTo(limit) < 0 ? left : limit;
  }

  /** Cancels the operation; idempotent. The verb stops at its next stage or check. */
  public void cancel() {
    cancelled = true;
    for (Runnable action : List.copyOf(onCancel)) {
      if (onCancel.remove(action)) {
        action.run();
      }
    }
  }

  /** Runs {@code action} once when the operation is cancelled, at once if it already is. */
  public void onCancel(Runnable action) {
    onCancel.add(action);
    if (cancelled && onCancel.remove(action)) {
      action.run();
    }
  }

  public boolean isCancelled() {
    return cancelled;
  }

  public String verb() {
    return verb;
  }

  public String requestId() {
    return requestId;
  }

  public Instant startedAt() {
    return startedAt;
  }

  public @Nullable Enum<?> stage() {
    return stage;
  }

  public @Nullable String traceparent() {
    return traceparent;
  }

  private String where() {
    Enum<?> at = stage;
    return at == null ? "" : " at " + at.name().toLowerCase(Locale.ROOT);
  }

  @Override
  public String toString() {
    return verb + "#" + requestId + where();
  }
}
