package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class PressureTest {
  @Test
  void bothLinesAreReadAndMicrosecondsBecomeNanoseconds() {
    String text =
        """
        some avg10=1.50 avg60=0.25 avg300=0.01 total=123456
        full avg10=0.00 avg60=0.00 avg300=0.00 total=42
        """;

    assertThat(StatText.of(text).pressure())
        .contains(
            new Pressure(
                new Pressure.Stall(1.5, 0.25, 0.01, 123_456_000),
                new Pressure.Stall(0, 0, 0, 42_000)));
  }

  @Test
  void aMissingFullLineCountsAsNoStall() {
    var parsed = StatText.of("some avg10=0.00 avg60=0.00 avg300=0.00 total=7\n").pressure();

    assertThat(parsed.orElseThrow().full().totalNanos()).isZero();
    assertThat(parsed.orElseThrow().some().totalNanos()).isEqualTo(7000);
  }

  @Test
  void aHostWithoutAccountingHasNone() {
    assertThat(StatText.ABSENT.pressure()).isEmpty();
  }
}
