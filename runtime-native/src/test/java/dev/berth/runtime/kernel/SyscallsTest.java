package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;

class SyscallsTest {
  @Test
  void allSixArgumentsArriveIntact() {
    // mmap(2) reads all six; a corrupted offset or descriptor makes it fail.
    long length = 4096;
    long address = Syscalls.check("mmap", "anonymous memory", 0, length, 3, 0x22, -1, 0);
    assertThat(Syscalls.check("munmap", "anonymous memory", address, length)).isZero();
  }

  @Test
  void failureNamesCallSubjectAndErrno() {
    assertThatThrownBy(() -> Syscalls.check("close", "a number never opened", 999_999))
        .isInstanceOf(NativeException.class)
        .hasMessage("close a number never opened: EBADF (bad file descriptor)");
  }

  @Test
  void pidIsThatOfThisProcess() {
    assertThat(Syscalls.check("getpid", "self")).isEqualTo(ProcessHandle.current().pid());
  }
}
