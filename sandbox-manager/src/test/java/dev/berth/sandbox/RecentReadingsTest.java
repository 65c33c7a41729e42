package dev.berth.sandbox;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Optional;
import java.util.Set;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class RecentReadingsTest {
  private final AtomicLong nanoTime = new AtomicLong(Long.MAX_VALUE - 5); // it may wrap around
  private final RecentReadings<Integer> readings = new RecentReadings<>(nanoTime::get);
  private final AtomicInteger reads = new AtomicInteger();

  private Optional<Integer> reading(String id) {
    return readings.of(id, () -> Optional.of(reads.incrementAndGet()));
  }

  @Test
  void aReadingServesUntilItIsTooOld() {
    assertThat(reading("a")).hasValue(1);
    nanoTime.addAndGet(RecentReadings.MOST_AGE.toNanos());
    assertThat(reading("a")).hasValue(1);
    nanoTime.incrementAndGet();
    assertThat(reading("a")).hasValue(2);
  }

  @Test
  void eachHasItsOwn() {
    assertThat(reading("a")).hasValue(1);
    assertThat(reading("b")).hasValue(2);
    assertThat(reading("a")).hasValue(1);
  }

  @Test
  void whatCannotBeReadIsTriedAgain() {
    assertThat(readings.of("a", Optional::empty)).isEmpty();
    assertThat(reading("a")).hasValue(1);
  }

  @Test
  void theForgottenAreReadAnew() {
    reading("a");
    reading("b");
    readings.retain(Set.of("b"));
    assertThat(reading("b")).hasValue(2);
    assertThat(reading("a")).hasValue(3);
  }
}
