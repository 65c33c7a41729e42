package dev.berth.runtime.kernel;

import static dev.berth.runtime.kernel.FcntlCommands.F_ADD_SEALS;

import java.util.Set;

/** Anonymous files in memory: memfd_create(2). */
public final class Memfd {
  // linux/memfd.h
  private static final int MFD_CLOEXEC = 1;
  private static final int MFD_ALLOW_SEALING = 2;
  private static final int MFD_NOEXEC_SEAL = 8;
  private static final int MFD_EXEC = 16;

  /** What can be forbidden for good; linux/fcntl.h. */
  public enum Seal {
    SEAL(1),
    SHRINK(2),
    GROW(4),
    WRITE(8),
    FUTURE_WRITE(16),
    /** No change of the execute bits; kernels before 6.3 do not know it. */
    EXEC(32);

    private final int bit;

    Seal(int bit) {
      this.bit = bit;
    }
  }

  private Memfd() {}

  /**
   * Creates a zeroed file that can never be executed; the caller closes it.
   *
   * @param name what /proc/self/fd shows, for people
   * @param sizeBytes its length; pages are taken when they are written
   */
  public static Fd create(String name, long sizeBytes) {
    return create(name, MFD_NOEXEC_SEAL, sizeBytes);
  }

  /** Creates a file that may become a program. */
  static Fd createExecutable(String name) {
    return create(name, MFD_EXEC, 0);
  }

  private static Fd create(String name, int executability, long sizeBytes) {
    Fd fd = create(name, executability);
    try {
      if (sizeBytes > 0) {
        Descriptors.truncate(fd, sizeBytes);
      }
      return fd;
    } catch (RuntimeException e) {
      fd.close();
      throw e;
    }
  }

  private static Fd create(String name, int executability) {
    int flags = MFD_CLOEXEC | MFD_ALLOW_SEALING;
    try (var text = NativeMemory.string(name)) {
      int call = Descriptors.number("memfd_create");
      Syscalls.Result result = Syscalls.call(call, text.address(), flags | executability);
      if (result.failedWith(Errno.EINVAL)) { // before 6.3 neither flag exists and all may execute
        result = Syscalls.call(call, text.address(), flags);
      }
      return Fd.own(Descriptors.checked("memfd_create", name, result));
    }
  }

  /**
   * Adds seals, which no one can take off again.
   *
   * @throws NativeException EBUSY for WRITE while a writable mapping exists
   */
  public static void seal(Fd memfd, Set<Seal> seals) {
    int bits = 0;
    for (Seal seal : seals) {
      bits |= seal.bit;
    }
    Syscalls.check("fcntl", memfd, memfd.number(), F_ADD_SEALS, bits);
  }
}
