package dev.berth.image.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.time.ZoneOffset;
import java.time.ZonedDateTime;
import java.time.format.DateTimeFormatter;
import java.util.HashSet;
import java.util.Locale;
import java.util.Set;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class BackoffTest {
  @ParameterizedTest
  @CsvSource({"0, 0", "7, 7", "' 7 ', 7", "60, 60", "61, 60", "3600, 60", "999999999, 60"})
  void retryAfterInSecondsIsKeptUpToAMinute(String header, int seconds) {
    assertThat(Backoff.asked(header)).contains(Duration.ofSeconds(seconds));
  }

  @Test
  void retryAfterAsADateIsTheTimeUntilThen() {
    assertThat(Backoff.asked(dateIn(30)).orElseThrow())
        .isBetween(Duration.ofSeconds(20), Duration.ofSeconds(30));
    assertThat(Backoff.asked(dateIn(3600))).contains(Duration.ofSeconds(60));
    assertThat(Backoff.asked(dateIn(-30))).contains(Duration.ZERO);
    assertThat(Backoff.asked("Sun, 06 Nov 1994 08:49:37 GMT")).contains(Duration.ZERO);
  }

  /** In the form that RFC 9110, 5.6.7 prefers: whole seconds. */
  private static String dateIn(int seconds) {
    return ZonedDateTime.now(ZoneOffset.UTC)
        .plusSeconds(seconds)
        .format(DateTimeFormatter.ofPattern("EEE, dd MMM yyyy HH:mm:ss 'GMT'", Locale.US));
  }

  @ParameterizedTest
  @ValueSource(strings = {"", "-1", "1.5", "99999999999", "soon", "0x10", "Sun, 06 Nov"})
  void whatIsNeitherLeavesItToOurOwnBackoff(String header) {
    assertThat(Backoff.asked(header)).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"1, 200", "2, 400", "3, 800", "6, 6400", "7, 10000", "100, 10000"})
  void waitsDoubleUpToTenSecondsAndAreSpreadOverTheirUpperHalf(int attempt, int fullMillis) {
    Set<Duration> waits = new HashSet<>();
    for (int i = 0; i < 200; i++) {
      Duration wait = Backoff.exponential(attempt);
      assertThat(wait).isBetween(Duration.ofMillis(fullMillis / 2), Duration.ofMillis(fullMillis));
      waits.add(wait);
    }
    assertThat(waits).as("not all at once").hasSizeGreaterThan(20);
  }
}
