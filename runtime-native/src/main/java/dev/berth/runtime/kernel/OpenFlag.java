package dev.berth.runtime.kernel;

import java.util.Set;

/**
 * How to open a file: the flags of open(2). O_CLOEXEC is always set by our wrappers and O_RDONLY is
 * the absence of WRITE and READ_WRITE.
 */
public enum OpenFlag {
  WRITE(1, 1),
  READ_WRITE(2, 2),
  CREATE(0x40, 0x40),
  EXCLUSIVE(0x80, 0x80),
  NO_CONTROLLING_TERMINAL(0x100, 0x100),
  TRUNCATE(0x200, 0x200),
  APPEND(0x400, 0x400),
  NON_BLOCKING(0x800, 0x800),
  DIRECTORY(0x10000, 0x4000),
  NO_FOLLOW(0x20000, 0x8000),
  /** O_PATH: a place in the tree, not to be read or written. */
  PATH(0x200000, 0x200000);

  private static final int O_CLOEXEC = 0x80000;
  private static final boolean ARM = SyscallTable.host().architecture().equals("arm64");

  private final int amd64;
  private final int arm64;

  /** The values of asm-generic/fcntl.h, and those of arm64's own asm/fcntl.h. */
  OpenFlag(int amd64, int arm64) {
    this.amd64 = amd64;
    this.arm64 = arm64;
  }

  /** O_CLOEXEC by itself, as calls want it that open nothing by name. */
  static int closeOnExec() {
    return O_CLOEXEC;
  }

  static int bits(Set<OpenFlag> flags) {
    int bits = O_CLOEXEC;
    for (OpenFlag flag : flags) {
      bits |= ARM ? flag.arm64 : flag.amd64;
    }
    return bits;
  }
}
