package dev.berth.runtime.plan;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.HexFormat;
import java.util.List;
import org.junit.jupiter.api.Test;

class CapSetTest {
  @Test
  void numbersAreThoseOfTheKernel() {
    assertThat(CapSet.of(List.of("CAP_CHOWN", "CAP_SYS_ADMIN", "CAP_CHECKPOINT_RESTORE")).bits())
        .isEqualTo(1L | 1L << 21 | 1L << 40);
    assertThat(CapSet.of(List.of()).bits()).isZero();
  }

  @Test
  void unknownNameIsRefused() {
    assertThatThrownBy(() -> CapSet.of(List.of("CAP_EVERYTHING")))
        .hasMessage("process.capabilities: unknown capability \"CAP_EVERYTHING\"");
  }

  /** linux/capability.h: effective, permitted, inheritable of the low words, then of the high. */
  @Test
  void kernelStructHasTheLowWordsFirst() {
    byte[] data =
        CapSet.data(new CapSet(0x1_0000_0002L), new CapSet(0x3_0000_0004L), new CapSet(5));
    assertThat(HexFormat.of().formatHex(data))
        .isEqualTo("02000000" + "04000000" + "05000000" + "01000000" + "03000000" + "00000000");
  }

  @Test
  void capabilityNewerThanThisProgramHasANumber() {
    assertThat(CapSet.name(21)).isEqualTo("CAP_SYS_ADMIN");
    assertThat(CapSet.name(63)).isEqualTo("capability 63");
  }
}
