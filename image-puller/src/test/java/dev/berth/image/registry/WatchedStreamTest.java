package dev.berth.image.registry;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.Operation;
import java.io.IOException;
import java.io.InputStream;
import java.net.SocketException;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

/** Only waiting for the network counts against it. The clock of these tests moves when told to. */
class WatchedStreamTest {
  private static final Patience PATIENCE =
      new Patience(Duration.ofSeconds(1), Duration.ofSeconds(10), Duration.ofSeconds(60), 1000, 3);

  private final AtomicInteger drops = new AtomicInteger();
  private final List<String> slow = new ArrayList<>();
  private final Operation operation = Operation.internal("PullImage");
  private long now;
  private long readTakes;
  private int readGives;

  private final WatchedStream stream =
      new WatchedStream(
          new InputStream() {
            @Override
            public int read() {
              throw new AssertionError("one by one");
            }

            @Override
            public int read(byte[] buffer, int offset, int length) throws IOException {
              now += readTakes;
              look(); // as the watcher does while a read is blocked
              if (drops.get() > 0) {
                throw new SocketException("closed");
              }
              return Math.min(length, readGives);
            }
          },
          PATIENCE,
          operation,
          new WatchedStream.Connection() {
            @Override
            public void tooSlow(String why) {
              slow.add(why);
            }

            @Override
            public void drop() {
              drops.incrementAndGet();
            }
          },
          () -> now);

  private void look() {
    stream.look();
  }

  private void read(Duration takes, int gives) throws IOException {
    readTakes = takes.toNanos();
    readGives = gives;
    assertThat(stream.read(new byte[gives], 0, gives)).isEqualTo(gives);
    look();
  }

  @Test
  void timeInWhichNobodyReadsIsNotTheRegistrys() throws IOException {
    for (int i = 0; i < 10; i++) {
      read(Duration.ofSeconds(1), 10);
      now += Duration.ofHours(1).toNanos(); // unpacking
      look();
    }
    assertThat(drops).hasValue(0);
  }

  @Test
  void silenceDropsAConnection() throws IOException {
    read(Duration.ofSeconds(9), 5000);
    assertThatThrownBy(() -> read(Duration.ofSeconds(10), 1))
        .isInstanceOf(WatchedStream.TooSlow.class)
        .hasMessage("no byte came for 10 s");
    look();
    assertThat(drops).hasValue(1);
    assertThat(slow).containsExactly("no byte came for 10 s");
  }

  @Test
  void tooLittleInAWindowDropsAConnection() throws IOException {
    for (int i = 0; i < 12; i++) { // a good window; its last 200 bytes count in the next one
      read(Duration.ofSeconds(5), 200);
    }
    for (int i = 0; i < 11; i++) {
      read(Duration.ofSeconds(5), 10);
    }
    assertThatThrownBy(() -> read(Duration.ofSeconds(5), 10))
        .isInstanceOf(WatchedStream.TooSlow.class)
        .hasMessage("only 310 bytes came in 60 s");
  }

  @Test
  void anOperationThatIsOverDropsAConnection() {
    operation.cancel();
    assertThatThrownBy(() -> read(Duration.ZERO, 1)).hasMessageContaining("cancelled");
    assertThat(drops).hasValue(1);
    assertThat(slow).as("nothing the host could help").isEmpty();
  }
}
