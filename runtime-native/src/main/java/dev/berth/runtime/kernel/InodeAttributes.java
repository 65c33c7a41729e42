package dev.berth.runtime.kernel;

import static dev.berth.runtime.kernel.FcntlCommands.AT_FDCWD;
import static dev.berth.runtime.kernel.FcntlCommands.AT_SYMLINK_NOFOLLOW;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Sets owner, mode, times and extended attributes of inodes, on descriptors wherever the kernel can
 * (rule R15).
 *
 * <p>Names are those of {@link Inodes}; with a descriptor they only serve the error. Not
 * thread-safe; make the calls on a platform thread.
 */
public final class InodeAttributes implements AutoCloseable {
  private static final int MAX_NAME_BYTES = 4096;
  private static final int MAX_XATTR_BYTES = 65536; // XATTR_SIZE_MAX of linux/limits.h
  private static final int OPEN_PLACE = OpenFlag.bits(Set.of(OpenFlag.PATH, OpenFlag.NO_FOLLOW));
  private static final int SIZE_OF_TIMES = 32; // two of struct timespec

  private final NativeMemory text = NativeMemory.allocate(MAX_NAME_BYTES + 1L);
  private final NativeMemory times = NativeMemory.allocate(SIZE_OF_TIMES);

  /** Made when an attribute is read: most objects never do. */
  private @Nullable NativeMemory largest;

  /** Changes the owner of an open file, which takes setuid bits and capabilities away. */
  public void changeOwner(Fd file, String name, int uid, int gid) {
    Inodes.check("fchown", name, call("fchown", file.number(), uid, gid));
  }

  /** Changes the owner of anything, a symbolic link included. */
  public void changeOwnerOf(Fd directory, String name, int uid, int gid) {
    Inodes.check(
        "fchownat",
        name,
        call(
            "fchownat",
            directory.number(),
            ByteNames.put(text, name),
            uid,
            gid,
            AT_SYMLINK_NOFOLLOW));
  }

  public void changeMode(Fd file, String name, int permissions) {
    Inodes.check("fchmod", name, call("fchmod", file.number(), permissions));
  }

  /** Changes the mode of a device node or FIFO, which cannot be opened without waking it. */
  public void changeModeOfNode(Fd directory, String name, int permissions) {
    try (Fd node = place(directory, name)) {
      // chmod through the descriptor: fchmod(2) refuses O_PATH ones.
      String self = Descriptors.pathOf(node);
      Inodes.check(
          "fchmodat", name, call("fchmodat", AT_FDCWD, ByteNames.put(text, self), permissions));
    }
  }

  private Fd place(Fd directory, String name) {
    return Fd.own(
        Inodes.check(
            "openat",
            name,
            call("openat", directory.number(), ByteNames.put(text, name), OPEN_PLACE)));
  }

  public void changeTime(Fd file, String name, UnixTime modified) {
    Inodes.check("utimensat", name, call("utimensat", file.number(), 0, put(modified), 0));
  }

  /** Changes the time of anything, a symbolic link included. */
  public void changeTimeOf(Fd directory, String name, UnixTime modified) {
    Inodes.check(
        "utimensat",
        name,
        call(
            "utimensat",
            directory.number(),
            ByteNames.put(text, name),
            put(modified),
            AT_SYMLINK_NOFOLLOW));
  }

  /** Access time and modification time are the same: archives carry only the second. */
  private long put(UnixTime modified) {
    times.putLong(0, modified.seconds()).putLong(8, modified.nanos());
    times.putLong(16, modified.seconds()).putLong(24, modified.nanos());
    return times.address();
  }

  /** Sets an extended attribute; false if the file system or the kernel has none of that name. */
  public boolean setXattr(Fd file, String attribute, byte[] value) {
    try (var memory = NativeMemory.bytes(value)) {
      Syscalls.Result result =
          call(
              "fsetxattr",
              file.number(),
              ByteNames.put(text, attribute),
              memory.address(),
              value.length,
              0);
      if (result.failedWith(Errno.EOPNOTSUPP) || result.failedWith(Errno.EPERM)) {
        return false;
      }
      Inodes.check("fsetxattr", attribute, result);
      return true;
    }
  }

  /** Reads an extended attribute; empty if there is none. */
  public Optional<byte[]> xattr(Fd file, String attribute) {
    NativeMemory memory = largest();
    Syscalls.Result result =
        call(
            "fgetxattr",
            file.number(),
            ByteNames.put(text, attribute),
            memory.address(),
            memory.sizeBytes());
    if (result.failedWith(Errno.ENODATA) || result.failedWith(Errno.EOPNOTSUPP)) {
      return Optional.empty();
    }
    return Optional.of(memory.get(0, (int) Inodes.check("fgetxattr", attribute, result)));
  }

  /** Names of the extended attributes of an open file. */
  public List<String> xattrs(Fd file) {
    NativeMemory memory = largest();
    Syscalls.Result result =
        call("flistxattr", file.number(), memory.address(), memory.sizeBytes());
    if (result.failedWith(Errno.EOPNOTSUPP)) {
      return List.of();
    }
    int length = (int) Inodes.check("flistxattr", "extended attributes", result);
    String names = new String(memory.get(0, length), ISO_8859_1);
    return names.isEmpty() ? List.of() : List.of(names.split("\0"));
  }

  /** Native memory goes with the collector, so one block per directory of a tree would pile up. */
  private NativeMemory largest() {
    NativeMemory present = largest;
    if (present == null) {
      present = NativeMemory.allocate(MAX_XATTR_BYTES);
      largest = present;
    }
    return present;
  }

  private static Syscalls.Result call(String name, long... arguments) {
    return Syscalls.call(Descriptors.number(name), arguments);
  }

  /** Gives the native buffers back. Idempotent. */
  @Override
  public void close() {
    text.close();
    times.close();
    NativeMemory present = largest;
    if (present != null) {
      present.close();
    }
  }
}
