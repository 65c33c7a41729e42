package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.OptionalLong;
import java.util.Set;
import org.junit.jupiter.api.Test;

class CpuRatesTest {
  private static final long SECOND = 1_000_000_000;
  private final CpuRates rates = new CpuRates();

  @Test
  void theSecondReadingHasARateAndTheFirstHasNone() {
    assertThat(read(0, 100)).isEmpty();
    assertThat(read(2 * SECOND, 100 + SECOND)).hasValue(SECOND / 2);
  }

  @Test
  void readingsThatAreTooCloseRepeatTheRate() {
    read(0, 0);
    read(SECOND, SECOND);
    assertThat(read(SECOND + 1000, 2 * SECOND)).hasValue(SECOND);
    assertThat(read(2 * SECOND, SECOND)).hasValue(0);
  }

  @Test
  void aCounterThatBeganAnewHasNoRate() {
    read(0, 500);
    assertThat(read(SECOND, 3)).isEmpty();
  }

  @Test
  void forgottenCountersBeginAnew() {
    read(0, 500);
    rates.retain(Set.of());
    assertThat(read(SECOND, 600)).isEmpty();
  }

  private OptionalLong read(long at, long used) {
    return rates.perSecond("id", at, OptionalLong.of(used));
  }
}
