package dev.berth.runtime.kernel;

import jnr.ffi.LibraryLoader;
import jnr.ffi.Pointer;
import jnr.ffi.Runtime;

/**
 * Makes raw system calls: the one door to libc's {@code syscall(2)}.
 *
 * <p>Arguments are numbers: descriptors, flags, and addresses of buffers whose owner must stay
 * reachable until the call returns (see {@link NativeMemory}). The result is returned as libc gives
 * it; on -1 the errno is read in the very next statement of the same thread, because after a park
 * the value belongs to someone else.
 *
 * <p>A call that can wait pins its carrier: make it on a platform thread.
 */
public final class Syscalls {
  /** What JNR binds. Public because JNR implements it from another class loader. */
  public interface LibC {
    // Seven arguments on purpose: with exactly six integers JNR-FFI corrupts the last one on
    // x86-64.
    long syscall(long number, long a, long b, long c, long d, long e, long f);
  }

  private static final LibC LIBC = LibraryLoader.create(LibC.class).load("c");
  private static final Runtime RUNTIME = Runtime.getRuntime(LIBC);

  private Syscalls() {}

  /** The result of a call: a value, or the errno of its failure. */
  public record Result(long value, int errno) {
    public boolean failed() {
      return errno != 0;
    }

    public boolean failedWith(Errno expected) {
      return errno == expected.number();
    }
  }

  /** Calls and returns whatever comes; EINTR is retried. */
  public static Result call(int number, long... arguments) {
    while (true) {
      Result result = callOnce(number, arguments);
      if (!result.failedWith(Errno.EINTR)) {
        return result;
      }
    }
  }

  /** Calls once, for the few calls that EINTR does not undo, such as close(2). */
  public static Result callOnce(int number, long... arguments) {
    long value =
        LIBC.syscall(
            number,
            argument(arguments, 0),
            argument(arguments, 1),
            argument(arguments, 2),
            argument(arguments, 3),
            argument(arguments, 4),
            argument(arguments, 5));
    int errno = value == -1 ? RUNTIME.getLastError() : 0;
    return new Result(value, errno);
  }

  /**
   * Calls and throws on failure.
   *
   * @param name the system call, as in {@code syscalls.tsv}; also names it in the error
   * @param subject what the call is about, for the error
   */
  public static long check(String name, Object subject, long... arguments) {
    Result result = call(SyscallTable.host().number(name), arguments);
    if (result.failed()) {
      throw new NativeException(name, subject.toString(), result.errno());
    }
    return result.value();
  }

  private static long argument(long[] arguments, int index) {
    return index < arguments.length ? arguments[index] : 0;
  }

  /** The runtime that native memory is allocated from. */
  static Runtime runtime() {
    return RUNTIME;
  }

  static long addressOf(Pointer pointer) {
    return pointer.address();
  }
}
