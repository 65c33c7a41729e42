package dev.berth.cri.streaming;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import java.time.Duration;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class TokensTest {
  private static final StreamRequest REQUEST = new StreamRequest.PortForward("s-1", List.of());

  private final AtomicLong now = new AtomicLong(-5);
  private final Tokens tokens = new Tokens(now::get);

  @Test
  void tokenIsGoodOnce() {
    String token = tokens.issue(REQUEST);
    assertThat(tokens.redeem(token)).contains(REQUEST);
    assertThat(tokens.redeem(token)).isEmpty();
  }

  @Test
  void unknownTokenIsGoodForNothing() {
    String _ = tokens.issue(REQUEST);
    assertThat(tokens.redeem("")).isEmpty();
    assertThat(tokens.redeem("AAAAAAAAAAAAAAAAAAAAAA")).isEmpty();
  }

  @Test
  void tokenExpiresAfterAMinute() {
    String early = tokens.issue(REQUEST);
    now.addAndGet(Duration.ofSeconds(59).toNanos());
    String late = tokens.issue(REQUEST);
    now.addAndGet(Duration.ofSeconds(2).toNanos());
    assertThat(tokens.redeem(early)).isEmpty();
    assertThat(tokens.redeem(late)).contains(REQUEST);
  }

  @Test
  void tokensAreLongDifferentAndFitAUrl() {
    Set<String> seen = new HashSet<>();
    for (int i = 0; i < Tokens.MAX_WAITING; i++) {
      seen.add(tokens.issue(REQUEST));
    }
    assertThat(seen).hasSize(Tokens.MAX_WAITING).allMatch(token -> token.matches("[\\w-]{22}"));
  }

  @Test
  void tooManyAreRefusedUntilSomeAreUsedOrExpire() {
    String first = tokens.issue(REQUEST);
    for (int i = 1; i < Tokens.MAX_WAITING; i++) {
      String _ = tokens.issue(REQUEST);
    }
    assertThatThrownBy(() -> tokens.issue(REQUEST))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.RESOURCE_EXHAUSTED));
    assertThat(tokens.redeem(first)).isPresent();
    assertThat(tokens.redeem(tokens.issue(REQUEST))).isPresent();
    now.addAndGet(Tokens.LIFETIME.plusSeconds(1).toNanos());
    assertThat(tokens.redeem(tokens.issue(REQUEST))).isPresent();
  }
}
