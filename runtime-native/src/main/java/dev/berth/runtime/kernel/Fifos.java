package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.runtime.kernel.FcntlCommands.AT_SYMLINK_NOFOLLOW;
import static dev.berth.runtime.kernel.FcntlCommands.F_SETPIPE_SZ;

import dev.berth.base.BerthException;
import java.util.EnumSet;
import java.util.OptionalInt;

/** Named pipes: mkfifo(3), fifo(7). */
public final class Fifos {
  private static final int S_IFIFO = 0x1000; // linux/stat.h

  private Fifos() {}

  /**
   * Makes a FIFO whatever the umask is.
   *
   * @param mode permission bits
   * @param uid owner, as seen by the host
   * @param gid group, as seen by the host
   * @throws NativeException EEXIST if the name is taken
   */
  public static void create(Fd directory, String name, int mode, int uid, int gid) {
    try (var text = NativeMemory.string(DirFd.requireName(name))) {
      String subject = directory + "/" + name;
      Syscalls.check("mknodat", subject, directory.number(), text.address(), S_IFIFO | 0600, 0);
      Syscalls.check(
          "fchownat", subject, directory.number(), text.address(), uid, gid, AT_SYMLINK_NOFOLLOW);
      // After chown, which clears bits. The directory is ours, so the name still means the FIFO.
      Syscalls.check("fchmodat", subject, directory.number(), text.address(), mode);
    }
  }

  /**
   * Opens a FIFO for reading and writing, without blocking: a holder that keeps writers from
   * SIGPIPE and readers from the end of file. The caller closes it.
   *
   * @throws BerthException FAILED_PRECONDITION if the name is no FIFO
   */
  public static Fd open(Fd directory, String name) {
    return open(directory, name, OpenFlag.READ_WRITE);
  }

  /** Opens the reading end without waiting for a writer; reads return nothing until one comes. */
  public static Fd openForReading(Fd directory, String name) {
    return open(directory, name, OpenFlag.NON_BLOCKING);
  }

  /**
   * Whether some process, this one too, has it open for reading: only then does a write not fail
   * with EPIPE. fifo(7): a non-blocking open for writing fails with ENXIO where nobody reads.
   */
  public static boolean hasReader(Fd directory, String name) {
    try (Fd _ = open(directory, name, OpenFlag.WRITE)) {
      return true;
    } catch (NativeException e) {
      if (e.is(Errno.ENXIO)) {
        return false;
      }
      throw e;
    }
  }

  private static Fd open(Fd directory, String name, OpenFlag access) {
    try (var text = NativeMemory.string(DirFd.requireName(name))) {
      String subject = directory + "/" + name;
      int flags = OpenFlag.bits(EnumSet.of(access, OpenFlag.NON_BLOCKING, OpenFlag.NO_FOLLOW));
      Fd fd =
          Fd.own(Syscalls.check("openat", subject, directory.number(), text.address(), flags, 0));
      if (FileStatus.of(fd).type() != FileStatus.Type.FIFO) {
        fd.close();
        throw new BerthException(FAILED_PRECONDITION, subject + ": not a fifo");
      }
      return fd;
    }
  }

  /**
   * Asks for a larger buffer.
   *
   * @return the size in bytes that the pipe has now; empty if the user's limit forbids it
   *     (/proc/sys/fs/pipe-user-pages-soft), which is no error: the pipe works as it is
   */
  public static OptionalInt resize(Fd fifo, int sizeBytes) {
    Syscalls.Result result =
        Syscalls.call(Descriptors.number("fcntl"), fifo.number(), F_SETPIPE_SZ, sizeBytes);
    if (result.failedWith(Errno.EPERM) || result.failedWith(Errno.ENOMEM)) {
      return OptionalInt.empty();
    }
    return OptionalInt.of((int) Descriptors.checked("fcntl F_SETPIPE_SZ", fifo, result));
  }
}
