package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;
import java.util.stream.IntStream;
import jnr.ffi.LibraryLoader;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.condition.EnabledOnOs;

class SyscallsTest {
  /** Binds mmap(2) with its six integers, as nobody else here may. */
  public interface SixIntegers {
    long mmap(long address, long length, int protection, int flags, int fd, long offset);
  }

  @Test
  void allSixArgumentsArriveIntact() {
    // mmap(2) reads all six; a corrupted offset or descriptor makes it fail.
    long length = 4096;
    long address = Syscalls.check("mmap", "anonymous memory", 0, length, 3, 0x22, -1, 0);
    assertThat(Syscalls.check("munmap", "anonymous memory", address, length)).isZero();
  }

  @Test
  @EnabledOnOs(architectures = "amd64")
  void theLastOfExactlySixIntegersIsCorruptedByJnr() {
    // The reason for the seventh parameter of every binding. When this fails, JNR is repaired.
    SixIntegers libc = LibraryLoader.create(SixIntegers.class).load("c");
    assertThat(libc.mmap(0, 4096, 3, 0x22, -1, 0)).isEqualTo(-1);
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

  @Test
  void errnoIsThatOfTheCallWhateverOtherThreadsDoOnTheSameCarrier() throws InterruptedException {
    // The value lives in the carrier: read after a park, it would be a neighbour's.
    AtomicInteger wrong = new AtomicInteger();
    var threads =
        IntStream.range(0, 200)
            .mapToObj(i -> Thread.startVirtualThread(() -> wrong.addAndGet(fail(i % 2 == 0))))
            .toList();
    for (Thread thread : threads) {
      thread.join();
    }
    assertThat(wrong).hasValue(0);
  }

  /** Provokes one of two errors over and over; returns how often another one was reported. */
  private static int fail(boolean badDescriptor) {
    int wrong = 0;
    Errno expected = badDescriptor ? Errno.EBADF : Errno.ESRCH;
    for (int i = 0; i < 500; i++) {
      Syscalls.Result result =
          badDescriptor
              ? Syscalls.call(Descriptors.number("fcntl"), -1, FcntlCommands.F_GETFL)
              : Syscalls.call(Descriptors.number("pidfd_open"), Integer.MAX_VALUE, 0);
      LockSupport.parkNanos(1); // another thread takes the carrier
      wrong += result.failedWith(expected) ? 0 : 1;
    }
    return wrong;
  }

  @Test
  void bothArchitecturesHaveWhatTheWrappersCall() {
    for (String architecture : new String[] {"amd64", "arm64"}) {
      SyscallTable table = SyscallTable.load(architecture);
      for (String call : "openat2 ppoll epoll_pwait fsopen move_mount pidfd_open".split(" ", -1)) {
        assertThat(table.find(call)).as(call + " on " + architecture).isPresent();
      }
    }
    assertThat(SyscallTable.load("arm64").find("poll")).isEmpty();
  }
}
