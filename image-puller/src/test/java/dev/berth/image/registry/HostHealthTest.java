package dev.berth.image.registry;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.Optional;
import org.junit.jupiter.api.Test;

/** Who is asked, and who is left alone for how long. The clock moves when told to. */
class HostHealthTest {
  private static final String HOST = "https://mirror.test";

  private long now = Long.MAX_VALUE - Duration.ofSeconds(5).toNanos(); // nanoTime may overflow
  private final HostHealth health = new HostHealth(() -> now);

  private void pass(Duration time) {
    now += time.toNanos();
  }

  @Test
  void anIllHostIsLeftAloneLongerEachTimeAndProbedByOne() {
    assertThat(health.avoid(HOST)).isEmpty();
    health.failed(HOST, "connection refused");
    assertThat(health.avoid(HOST)).contains("connection refused");
    assertThat(health.avoid("https://other.test")).isEmpty();
    pass(Duration.ofSeconds(10));
    assertThat(health.avoid(HOST)).as("the probe").isEmpty();
    assertThat(health.avoid(HOST)).as("everybody else").contains("connection refused");
    health.failed(HOST, "status 502");
    pass(Duration.ofSeconds(14));
    assertThat(health.avoid(HOST)).contains("status 502");
    pass(Duration.ofSeconds(6));
    assertThat(health.avoid(HOST)).isEmpty();
    health.answered(HOST, 404, Optional.empty());
    assertThat(health.avoid(HOST)).as("it is there").isEmpty();
    assertThat(health.avoid(HOST)).isEmpty();
  }

  @Test
  void aProbeThatNeverCameBackIsRepeated() {
    health.failed(HOST, "gone");
    pass(Duration.ofSeconds(10));
    assertThat(health.avoid(HOST)).isEmpty();
    pass(Duration.ofSeconds(31));
    assertThat(health.avoid(HOST)).isEmpty();
  }

  @Test
  void noHostIsLeftAloneForMoreThanFiveMinutes() {
    for (int i = 0; i < 100; i++) {
      health.failed(HOST, "gone");
    }
    assertThat(health.avoid(HOST)).isPresent();
    pass(Duration.ofMinutes(5));
    assertThat(health.avoid(HOST)).isEmpty();
  }

  @Test
  void aHostThatAsksForAPauseGetsIt() {
    health.answered(HOST, 429, Optional.of("20"));
    assertThat(health.avoid(HOST)).contains("it asked for a pause");
    health.answered(HOST, 429, Optional.of("1"));
    pass(Duration.ofSeconds(19));
    assertThat(health.avoid(HOST)).as("the longer pause counts").isPresent();
    pass(Duration.ofSeconds(1));
    assertThat(health.avoid(HOST)).isEmpty();
    health.answered(HOST, 503, Optional.of("5"));
    assertThat(health.avoid(HOST)).contains("it asked for a pause");
    pass(Duration.ofSeconds(5));
    assertThat(health.avoid(HOST)).isEmpty();
  }

  @Test
  void redirectsToEverNewHostsTakeNoMemory() {
    for (int i = 0; i < 100_000; i++) {
      health.failed("https://host-" + i + ".test", "gone");
    }
    assertThat(health.avoid("https://host-99999.test")).isPresent();
  }
}
