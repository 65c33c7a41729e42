package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import org.junit.jupiter.api.Test;

/** How many connections a blob gets. The clock moves when told to. */
class RangePacerTest {
  private static final long GIB = 1L << 30;
  private static final long MIB = 1L << 20;

  private long now;
  private long bytes;
  private int connections = 1;
  private int most = RangePacer.MAX_CONNECTIONS;
  private final RangePacer pacer = new RangePacer(() -> now);

  /** Half a second in which all connections together bring so much, and the reader waits. */
  private void halfASecond(long perSecond, long left, double waitingShare) {
    for (int stretch = 0; stretch < 2; stretch++) {
      pacer.waiting();
      now += (long) (Duration.ofMillis(250).toNanos() * waitingShare);
      pacer.waited();
      now += (long) (Duration.ofMillis(250).toNanos() * (1 - waitingShare)) + 1;
      bytes += perSecond / 4;
      connections = Math.min(most, pacer.connections(bytes, left));
      pacer.stayAt(connections);
    }
  }

  @Test
  void moreAreOpenedAsLongAsTheyBringMore() {
    for (int i = 0; i < 10; i++) {
      halfASecond(connections * 30L * MIB, 10 * GIB, 0.9);
    }
    assertThat(connections).isEqualTo(RangePacer.MAX_CONNECTIONS);
  }

  @Test
  void whatBringsNothingIsGivenUp() {
    for (int i = 0; i < 10; i++) {
      halfASecond(Math.min(connections, 2) * 30L * MIB, 10 * GIB, 0.9);
    }
    assertThat(connections).isEqualTo(2);
  }

  @Test
  void aNarrowLinkKeepsOne() {
    for (int i = 0; i < 10; i++) {
      halfASecond(10 * MIB, 10 * GIB, 0.9);
    }
    assertThat(connections).isEqualTo(1);
  }

  @Test
  void whileUnpackingIsTheBrakeOneIsEnough() {
    for (int i = 0; i < 10; i++) {
      halfASecond(connections * 100L * MIB, 10 * GIB, 0.3);
    }
    assertThat(connections).isEqualTo(1);
  }

  @Test
  void theLastSecondIsNotWorthIt() {
    for (int i = 0; i < 10; i++) {
      halfASecond(connections * 100L * MIB, 90 * MIB, 0.9);
    }
    assertThat(connections).isEqualTo(1);
  }

  @Test
  void itIsContentWithLessThanItAdvised() {
    most = 3;
    for (int i = 0; i < 10; i++) {
      halfASecond(connections * 30L * MIB, 10 * GIB, 0.9);
    }
    assertThat(connections).isEqualTo(3);
  }
}
