package dev.berth.base;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;

import java.time.Duration;
import java.time.Instant;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.StringJoiner;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicLong;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Accompanies one request from the edge to the stub: who asked, which stage it is in, how long it
 * may take, and whether it was cancelled.
 *
 * <p>A verb of weight has an enum of its stages and calls {@link #enter} before each: that is where
 * cancellation and the deadline are honoured, where an error gets the name of the stage, and where
 * the fault tests strike (see {@link FaultPoints}).
 *
 * <p>Whoever runs an operation lists it for that time ({@link #listed}): then it is among those
 * that {@link #running} tells of, with what it works on.
 *
 * <p>Thread-safe: the stage is written by the thread that runs the verb, {@link #cancel} may come
 * from any thread.
 */
public final class Operation {
  private static final AtomicLong SEQUENCE = new AtomicLong();

  /** Those of this process that are listed. */
  private static final Set<Operation> RUNNING = ConcurrentHashMap.newKeySet();

  private final String verb;
  private final String requestId;
  private final @Nullable Instant deadline;
  private final @Nullable String traceparent;
  private final Instant startedAt = Instant.now();
  private final long startNanos = System.nanoTime();
  private final List<Entered> entered = new CopyOnWriteArrayList<>();
  private final List<Runnable> onCancel = new CopyOnWriteArrayList<>();
  private final List<Subject> subjects = new CopyOnWriteArrayList<>();
  private volatile @Nullable Enum<?> stage;
  private volatile @Nullable Operation followed;
  private volatile boolean cancelled;

  /**
   * What an operation works on.
   *
   * @param id of a pod or container, or the digest or reference of an image
   * @param name by which people know it; empty if it has none
   */
  public record Subject(String id, String name) {}

  /** Keeps an operation listed until it is closed. */
  public interface Listed extends AutoCloseable {
    @Override
    void close();
  }

  /** A stage and when it was entered. */
  private record Entered(Enum<?> stage, long nanos) {}

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
    entered.add(new Entered(next, System.nanoTime()));
    check();
    FaultPoints.strike(verb, next);
  }

  /**
   * Says what the operation works on, before anything is done to it. May be said of several: of a
   * pod, and then of its containers.
   *
   * @param name by which people know it; empty if it has none
   */
  public void concerns(String id, String name) {
    subjects.add(new Subject(id, name));
  }

  /** Says that this operation only waits for another, whose stage and subjects are its own then. */
  void follow(Operation other) {
    followed = other;
  }

  /** Lists the operation among {@link #running} until the result is closed. */
  public Listed listed() {
    RUNNING.add(this);
    return () -> RUNNING.remove(this);
  }

  /** Returns the operations that this process runs now, the oldest first. */
  public static List<Operation> running() {
    return RUNNING.stream()
        .sorted(Comparator.comparingLong(operation -> operation.startNanos))
        .toList();
  }

  /** Returns the ids of all that is being worked on. */
  static Set<String> subjectsOfRunning() {
    return RUNNING.stream()
        .flatMap(operation -> operation.subjects.stream())
        .map(Subject::id)
        .collect(Collectors.toUnmodifiableSet());
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

  /** Returns the stage it is in, or that of the operation it waits for; null before the first. */
  public @Nullable Enum<?> stage() {
    Operation other = followed;
    return stage == null && other != null ? other.stage() : stage;
  }

  /** Returns the stage as one lower-case word; empty before the first. */
  public String stageName() {
    Enum<?> at = stage();
    return at == null ? "" : name(at);
  }

  /** Returns what it works on, the first thing first. */
  public List<Subject> subjects() {
    Operation other = followed;
    return subjects.isEmpty() && other != null ? other.subjects() : List.copyOf(subjects);
  }

  /** Returns how long it has been running. */
  public Duration age() {
    return Duration.ofNanos(System.nanoTime() - startNanos);
  }

  /** Returns how long it has been in its stage; all of its age before the first. */
  public Duration stageAge() {
    Operation other = followed;
    if (entered.isEmpty()) {
      return other == null ? age() : other.stageAge();
    }
    return Duration.ofNanos(System.nanoTime() - entered.getLast().nanos());
  }

  /** Returns the time left, negative if it is over; empty without a deadline. */
  public Optional<Duration> timeLeft() {
    return Optional.ofNullable(deadline).map(end -> Duration.between(Instant.now(), end));
  }

  public @Nullable String traceparent() {
    return traceparent;
  }

  /**
   * Returns how long the operation took up to now, and of that each stage, in milliseconds: {@code
   * "8.4 ms (pipes 0.2, process 6.1, output 2.1)"}.
   */
  public String timings() {
    long now = System.nanoTime();
    List<Entered> stages = List.copyOf(entered);
    var parts = new StringJoiner(", ", " (", ")").setEmptyValue("");
    for (int i = 0; i < stages.size(); i++) {
      long end = i + 1 < stages.size() ? stages.get(i + 1).nanos() : now;
      parts.add(name(stages.get(i).stage()) + " " + millis(end - stages.get(i).nanos()));
    }
    return millis(now - startNanos) + " ms" + parts;
  }

  private static String millis(long nanos) {
    return String.format(Locale.ROOT, "%.1f", nanos / 1e6);
  }

  private static String name(Enum<?> stage) {
    return stage.name().toLowerCase(Locale.ROOT);
  }

  private String where() {
    String at = stageName();
    return at.isEmpty() ? "" : " at " + at;
  }

  @Override
  public String toString() {
    return verb + "#" + requestId + where();
  }
}
