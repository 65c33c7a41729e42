package dev.berth.runtime.kernel;

import dev.berth.base.BerthException;

/** A system call failed. The message has the call, what it was called on, and the errno. */
public final class NativeException extends BerthException {
  private static final long serialVersionUID = 1L;

  private final int errno;

  public NativeException(String call, String subject, int errno) {
    super(kindOf(errno), call + " " + subject + ": " + Errno.describe(errno));
    this.errno = errno;
  }

  /** Makes a failure that the kernel has explained in words of its own. */
  NativeException(String call, String subject, int errno, String explanation) {
    super(kindOf(errno), call + " " + subject + ": " + Errno.describe(errno) + ": " + explanation);
    this.errno = errno;
  }

  public int errno() {
    return errno;
  }

  public boolean is(Errno expected) {
    return errno == expected.number();
  }

  private static Kind kindOf(int errno) {
    return errno == Errno.ENOSPC.number() || errno == Errno.EDQUOT.number()
        ? Kind.RESOURCE_EXHAUSTED
        : Kind.INTERNAL;
  }
}
