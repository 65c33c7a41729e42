package dev.berth.cri.streaming;

import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import java.security.SecureRandom;
import java.time.Duration;
import java.util.Base64;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import java.util.function.LongSupplier;

/**
 * Requests that wait for their client, each behind a token of 128 random bits that is good once and
 * for a minute. The token is all that a client has to show, so it is written nowhere. Thread-safe.
 */
final class Tokens {
  static final Duration LIFETIME = Duration.ofMinutes(1);

  /** The kubelet answers 429 when there are more. */
  static final int MAX_WAITING = 1000;

  private static final int TOKEN_BYTES = 16;

  private final SecureRandom random = new SecureRandom();
  private final LongSupplier nanoClock;

  @GuardedBy("this") private final Map<String, Waiting> waiting = new LinkedHashMap<>();

  /** A request and when it came. */
  private record Waiting(StreamRequest request, long sinceNanos) {}

  /**
   * @param nanoClock as {@link System#nanoTime}
   */
  Tokens(LongSupplier nanoClock) {
    this.nanoClock = nanoClock;
  }

  /**
   * Keeps a request and returns its token, which can stand in a URL.
   *
   * @throws BerthException RESOURCE_EXHAUSTED if too many wait already
   */
  synchronized String issue(StreamRequest request) {
    dropExpired();
    if (waiting.size() >= MAX_WAITING) {
      throw new BerthException(
          RESOURCE_EXHAUSTED, MAX_WAITING + " streaming requests wait for their clients");
    }
    byte[] bytes = new byte[TOKEN_BYTES];
    random.nextBytes(bytes);
    String token = Base64.getUrlEncoder().withoutPadding().encodeToString(bytes);
    waiting.put(token, new Waiting(request, nanoClock.getAsLong()));
    return token;
  }

  /** Takes a request out; empty if the token is unknown, used or expired. */
  synchronized Optional<StreamRequest> redeem(String token) {
    dropExpired();
    return Optional.ofNullable(waiting.remove(token)).map(Waiting::request);
  }

  /** In order of their coming, so the expired ones are the first. */
  @GuardedBy("this") private void dropExpired() {
    long now = nanoClock.getAsLong();
    Iterator<Waiting> oldest = waiting.values().iterator();
    while (oldest.hasNext() && now - oldest.next().sinceNanos() > LIFETIME.toNanos()) {
      oldest.remove();
    }
  }
}
