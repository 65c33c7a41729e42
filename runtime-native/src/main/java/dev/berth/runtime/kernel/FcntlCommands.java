package dev.berth.runtime.kernel;

/** Commands and flags of open(2) and fcntl(2), from asm-generic/fcntl.h and linux/fcntl.h. */
final class FcntlCommands {
  static final int F_GETFL = 3;
  static final int F_SETFL = 4;
  static final int F_DUPFD_CLOEXEC = 1030;
  static final int F_SETPIPE_SZ = 1031;
  static final int F_GETPIPE_SZ = 1032;
  static final int F_ADD_SEALS = 1033;
  static final int F_GET_SEALS = 1034;

  static final int AT_FDCWD = -100;
  static final int AT_EMPTY_PATH = 0x1000;
  static final int AT_SYMLINK_NOFOLLOW = 0x100;
  static final int AT_RECURSIVE = 0x8000;
  static final int AT_REMOVEDIR = 0x200;

  private FcntlCommands() {}
}
