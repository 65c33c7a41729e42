package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.EnumSet;
import org.junit.jupiter.api.Test;

class MemfdTest {
  @Test
  void contentIsZeroedWritableAndSealable() {
    try (Fd memfd = Memfd.create("test", 4096)) {
      assertThat(FileStatus.of(memfd).sizeBytes()).isEqualTo(4096);
      assertThat(Descriptors.readAt(memfd, 4088, 100)).isEqualTo(new byte[8]);
      Descriptors.writeAt(memfd, 8, new byte[] {1, 2, 3});
      Memfd.seal(memfd, EnumSet.of(Memfd.Seal.WRITE, Memfd.Seal.GROW, Memfd.Seal.SHRINK));
      assertThat(Descriptors.readAt(memfd, 8, 3)).containsExactly(1, 2, 3);
      assertThatThrownBy(() -> Descriptors.writeAt(memfd, 0, new byte[1]))
          .isInstanceOf(NativeException.class)
          .hasMessageContaining("EPERM");
    }
  }
}
