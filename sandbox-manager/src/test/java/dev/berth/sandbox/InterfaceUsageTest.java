package dev.berth.sandbox;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class InterfaceUsageTest {
  @Test
  void readsBothDirectionsAndLeavesLoopbackOut() {
    String text =
        """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
            lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
          eth0: 1234567    4321    5    6    0     0          0         0   765432    1234    7    8    0     0       0          0
        """;

    byte[] bytes = text.getBytes(UTF_8);
    assertThat(InterfaceUsage.parse(bytes, bytes.length))
        .isEqualTo(
            List.of(
                new InterfaceUsage(
                    "eth0",
                    new InterfaceUsage.Traffic(1_234_567, 4321, 5, 6),
                    new InterfaceUsage.Traffic(765_432, 1234, 7, 8))));
  }

  @Test
  void theInterfaceOfThePodComesFirst() {
    String text =
        """
        Inter-|   Receive                                                |  Transmit
         face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed
            lo:     100       1    0    0    0     0          0         0      100       1    0    0    0     0       0          0
         tunl0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
          sit0:       0       0    0    0    0     0          0         0        0       0    0    0    0     0       0          0
          eth0:       7       1    0    0    0     0          0         0        7       1    0    0    0     0       0          0
          eth1:       8       1    0    0    0     0          0         0        8       1    0    0    0     0       0          0
        """;

    byte[] bytes = text.getBytes(UTF_8);
    assertThat(InterfaceUsage.parse(bytes, bytes.length))
        .extracting(InterfaceUsage::name)
        .containsExactly("eth0", "tunl0", "sit0", "eth1");
  }
}
