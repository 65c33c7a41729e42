package dev.berth.image.registry;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.Operation;
import java.net.URI;
import java.time.Duration;
import java.util.HashMap;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ThreadLocalRandom;
import java.util.concurrent.locks.ReentrantLock;
import java.util.function.LongSupplier;

/**
 * What all pulls know together about hosts: who did not answer lately, and who asked for a pause.
 *
 * <pre>
 *   well --failed--> ill, left alone for a while --time is over--> probed by one request
 *     ^                 ^                                            |         |
 *     +-----------------|------------------succeeded-----------------+         |
 *                       +----------failed: twice as long-----------------------+
 * </pre>
 *
 * <p>Hosts are named by scheme and authority. A host that nobody asked about for long is forgotten.
 * Thread-safe.
 */
final class HostHealth {
  private static final Duration FIRST_PAUSE = Duration.ofSeconds(10);
  private static final Duration LONGEST_PAUSE = Duration.ofMinutes(5);

  /** The longest that a probe can take; others leave the host alone meanwhile. */
  private static final Duration PROBE = Duration.ofSeconds(30);

  private static final int MAX_HOSTS = 256;

  private static final class State {
    int failures;
    long leftAloneUntil;
    String lastFailure = "";
    int throttles;
    long throttledUntil;
  }

  private final LongSupplier nanoClock;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private final Map<String, State> states = new HashMap<>();

  HostHealth() {
    this(System::nanoTime);
  }

  HostHealth(LongSupplier nanoClock) {
    this.nanoClock = nanoClock;
  }

  /**
   * Says why a host should not be asked while there is another one; empty if it may be. When an ill
   * host's pause is over, one caller gets to ask it, and the others go on leaving it alone.
   */
  Optional<String> avoid(String host) {
    lock.lock();
    try {
      State state = states.get(host);
      long now = nanoClock.getAsLong();
      if (state == null) {
        return Optional.empty();
      }
      if (state.throttledUntil - now > 0) {
        return Optional.of("it asked for a pause");
      }
      if (state.failures == 0) {
        return Optional.empty();
      }
      if (state.leftAloneUntil - now > 0) {
        return Optional.of(state.lastFailure);
      }
      state.leftAloneUntil = now + PROBE.toNanos();
      return Optional.empty();
    } finally {
      lock.unlock();
    }
  }

  /** The name of the host of a URL. */
  static String nameOf(URI url) {
    return url.getScheme() + "://" + url.getRawAuthority();
  }

  /** A host has answered; with what decides how it is. */
  void answered(String host, int status, Optional<String> retryAfter) {
    Optional<Duration> asked = retryAfter.flatMap(Backoff::asked);
    if (status == 429 || (status == 503 && asked.isPresent())) {
      throttled(host, asked);
    } else if (status >= 500) {
      failed(host, "status " + status);
    } else {
      well(host);
    }
  }

  private void well(String host) {
    lock.lock();
    try {
      State state = states.get(host);
      if (state != null) {
        state.failures = 0;
        state.throttles = 0;
      }
    } finally {
      lock.unlock();
    }
  }

  /** A host did not answer, or with a server's failure. */
  void failed(String host, String why) {
    lock.lock();
    try {
      State state = state(host);
      state.failures++;
      state.lastFailure = why;
      state.leftAloneUntil =
          nanoClock.getAsLong() + jittered(doubled(FIRST_PAUSE, state.failures)).toNanos();
    } finally {
      lock.unlock();
    }
  }

  /**
   * A host has asked to be left alone.
   *
   * @param asked for so long; empty if it did not say
   */
  private void throttled(String host, Optional<Duration> asked) {
    lock.lock();
    try {
      State state = state(host);
      state.throttles++;
      Duration pause = asked.orElseGet(() -> Backoff.exponential(state.throttles));
      long until = nanoClock.getAsLong() + pause.toNanos();
      if (state.throttledUntil - until < 0) {
        state.throttledUntil = until;
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Waits until a host that asked for a pause may be asked again, and a little longer: those who
   * waited together must not come together.
   *
   * @throws dev.berth.base.BerthException if the operation is cancelled or out of time meanwhile
   */
  void awaitTurn(String host, Operation operation) {
    long left = throttledFor(host);
    if (left > 0) {
      Duration pause = Duration.ofNanos(left);
      Backoff.pause(pause.plus(spread(pause)), operation);
    }
  }

  private static Duration spread(Duration pause) {
    long most = Math.clamp(pause.toMillis() / 4, 50, 5000);
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(most + 1));
  }

  private long throttledFor(String host) {
    lock.lock();
    try {
      State state = states.get(host);
      return state == null ? 0 : state.throttledUntil - nanoClock.getAsLong();
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock") private State state(String host) {
    if (states.size() >= MAX_HOSTS && !states.containsKey(host)) {
      states.clear(); // redirects can name any number of hosts; what matters is soon known again
    }
    return states.computeIfAbsent(
        host,
        _ -> {
          var state = new State();
          state.throttledUntil = nanoClock.getAsLong();
          state.leftAloneUntil = state.throttledUntil;
          return state;
        });
  }

  private static Duration doubled(Duration first, int times) {
    Duration full = first.multipliedBy(1L << Math.min(times - 1, 10));
    return full.compareTo(LONGEST_PAUSE) > 0 ? LONGEST_PAUSE : full;
  }

  private static Duration jittered(Duration full) {
    long millis = full.toMillis();
    return Duration.ofMillis(ThreadLocalRandom.current().nextLong(millis * 3 / 4, millis + 1));
  }
}
