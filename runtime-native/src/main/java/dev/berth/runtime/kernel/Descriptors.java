package dev.berth.runtime.kernel;

import static dev.berth.runtime.kernel.FcntlCommands.AT_FDCWD;
import static dev.berth.runtime.kernel.FcntlCommands.F_GETFL;
import static dev.berth.runtime.kernel.FcntlCommands.F_SETFL;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.Set;

/** Reads, writes and opens plain descriptors. Nothing here waits when the descriptor does not. */
public final class Descriptors {
  private static final int O_NONBLOCK = 0x800; // asm-generic/fcntl.h

  private Descriptors() {}

  /**
   * Opens a path that only the host can write to. For paths below a container's root use {@link
   * DirFd}, which resolves them there.
   */
  public static Fd open(Path path, OpenFlag... flags) {
    return open(path, 0600, flags);
  }

  /** Opens or creates a path that only the host can write to; the mode is cut by the umask. */
  public static Fd open(Path path, int mode, OpenFlag... flags) {
    try (var name = NativeMemory.string(path.toString())) {
      return Fd.own(
          Syscalls.check(
              "openat", path, AT_FDCWD, name.address(), OpenFlag.bits(Set.of(flags)), mode));
    }
  }

  /**
   * Reads what is there.
   *
   * @return the bytes, none of them at the end of the file; empty if a non-blocking descriptor has
   *     nothing now
   */
  public static Optional<byte[]> read(Fd fd, int maxBytes) {
    try (var buffer = NativeMemory.allocate(maxBytes)) {
      Syscalls.Result result =
          Syscalls.call(number("read"), fd.number(), buffer.address(), maxBytes);
      if (result.failedWith(Errno.EAGAIN)) {
        return Optional.empty();
      }
      return Optional.of(buffer.get(0, (int) checked("read", fd, result)));
    }
  }

  /** Reads at an offset without moving the file's position; short at the end of the file. */
  public static byte[] readAt(Fd fd, long offset, int maxBytes) {
    try (var buffer = NativeMemory.allocate(maxBytes)) {
      long count = Syscalls.check("pread64", fd, fd.number(), buffer.address(), maxBytes, offset);
      return buffer.get(0, (int) count);
    }
  }

  /**
   * Writes all of it.
   *
   * @throws NativeException EAGAIN if a non-blocking descriptor cannot take it all now; part of it
   *     may have been written
   */
  public static void write(Fd fd, byte[] bytes) {
    try (var buffer = NativeMemory.bytes(bytes)) {
      long done = 0;
      while (done < bytes.length) {
        done +=
            Syscalls.check("write", fd, fd.number(), buffer.address() + done, bytes.length - done);
      }
    }
  }

  /** Writes all of it at an offset without moving the file's position. */
  public static void writeAt(Fd fd, long offset, byte[] bytes) {
    try (var buffer = NativeMemory.bytes(bytes)) {
      long done = 0;
      while (done < bytes.length) {
        done +=
            Syscalls.check(
                "pwrite64",
                fd,
                fd.number(),
                buffer.address() + done,
                bytes.length - done,
                offset + done);
      }
    }
  }

  /** Cuts a file off, or makes it longer by zeros. */
  public static void truncate(Fd fd, long sizeBytes) {
    Syscalls.check("ftruncate", fd, fd.number(), sizeBytes);
  }

  /** Waits until all of the file system that an open file is in has reached the disk. */
  public static void syncFileSystem(Fd fd) {
    Syscalls.check("syncfs", fd, fd.number());
  }

  /** Duplicates a descriptor that this process was started with, such as standard output. */
  public static Fd duplicate(int inherited) {
    return Fd.own(
        Syscalls.check("fcntl", "fd " + inherited, inherited, FcntlCommands.F_DUPFD_CLOEXEC, 3));
  }

  /** Sets or clears O_NONBLOCK of the open file, which all duplicates share. */
  public static void setNonBlocking(Fd fd, boolean nonBlocking) {
    long flags = Syscalls.check("fcntl", fd, fd.number(), F_GETFL);
    long wanted = nonBlocking ? flags | O_NONBLOCK : flags & ~O_NONBLOCK;
    if (wanted != flags) {
      Syscalls.check("fcntl", fd, fd.number(), F_SETFL, wanted);
    }
  }

  /** Gives an open file to a user, by the host's number; its group stays. See fchown(2). */
  public static void changeOwner(Fd fd, int uid) {
    Syscalls.check("fchown", fd, fd.number(), uid, -1);
  }

  /** Opens the same file once more with other access, through /proc/self/fd. */
  static Fd reopen(Fd fd, OpenFlag... flags) {
    return open(Path.of(pathOf(fd)), flags);
  }

  /**
   * Returns where an open file is now, as this process sees it.
   *
   * @throws IOException if it is nowhere: unlinked, or never had a name
   */
  public static Path locate(Fd fd) throws IOException {
    Path found = Files.readSymbolicLink(Path.of(pathOf(fd)));
    if (!Files.exists(found)) {
      throw new NoSuchFileException(found.toString());
    }
    return found;
  }

  /** The name under which this process finds the descriptor again. */
  static String pathOf(Fd fd) {
    return "/proc/self/fd/" + fd.number();
  }

  static int number(String call) {
    return SyscallTable.host().number(call);
  }

  static long checked(String call, Object subject, Syscalls.Result result) {
    if (result.failed()) {
      throw new NativeException(call, subject.toString(), result.errno());
    }
    return result.value();
  }
}
