package dev.berth.cri.streaming;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;

class InputQueueTest {
  private final List<String> calls = new ArrayList<>();
  private final InputQueue queue =
      new InputQueue(
          new InputQueue.Valve() {
            @Override
            public void hold() {
              calls.add("hold");
            }

            @Override
            public void release() {
              calls.add("release");
            }
          });

  @Test
  void whatCameBeforeTheEndIsTakenBeforeIt() throws InterruptedException {
    queue.add(new byte[] {1});
    queue.add(new byte[] {2});
    queue.end();
    queue.add(new byte[] {3});
    assertThat(queue.take()).containsExactly(1);
    assertThat(queue.take()).containsExactly(2);
    assertThat(queue.take()).isNull();
    assertThat(queue.take()).isNull();
  }

  @Test
  void longQueueHoldsTheConnectionUntilItIsShort() throws InterruptedException {
    byte[] chunk = new byte[64 << 10];
    for (int i = 0; i < 6; i++) {
      queue.add(chunk);
    }
    assertThat(calls).containsExactly("hold");
    for (int i = 0; i < 4; i++) {
      assertThat(queue.take()).isNotNull();
    }
    assertThat(calls).containsExactly("hold");
    assertThat(queue.take()).isNotNull();
    assertThat(calls).containsExactly("hold", "release");
  }

  @Test
  void discardedQueueKeepsNothingAndHoldsNobody() throws InterruptedException {
    queue.add(new byte[InputQueue.LONG_BYTES + 1]);
    queue.discard();
    assertThat(calls).containsExactly("hold", "release");
    queue.add(new byte[InputQueue.LONG_BYTES + 1]);
    assertThat(queue.take()).isNull();
    assertThat(calls).hasSize(2);
  }
}
