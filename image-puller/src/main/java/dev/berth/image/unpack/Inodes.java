package dev.berth.image.unpack;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.NativeMemory;
import dev.berth.runtime.kernel.SyscallTable;
import dev.berth.runtime.kernel.Syscalls;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Makes, reads and describes inodes below open directories.
 *
 * <p>Every call names one component of a path, in a directory that is a descriptor, and follows no
 * link; {@link #openBelow} alone takes a path, which openat2(2) keeps below its directory. Names
 * have one character per byte (see {@link ByteNames}).
 *
 * <p>Native buffers are used again and again, so an object belongs to one thread: not thread-safe.
 * Make the calls on a platform thread, because they can wait for the disk.
 */
final class Inodes implements AutoCloseable {
  // fcntl.h; the last three differ on arm64
  private static final int O_WRONLY = 1;
  private static final int O_CREAT = 0x40;
  private static final int O_EXCL = 0x80;
  private static final int O_CLOEXEC = 0x80000;
  private static final int O_PATH = 0x200000;
  private static final boolean ARM = SyscallTable.host().architecture().equals("arm64");
  private static final int O_DIRECTORY = ARM ? 0x4000 : 0x10000;
  private static final int O_NOFOLLOW = ARM ? 0x8000 : 0x20000;

  private static final int AT_SYMLINK_NOFOLLOW = 0x100;
  private static final int AT_REMOVEDIR = 0x200;
  private static final int AT_EMPTY_PATH = 0x1000;
  private static final int AT_FDCWD = -100;

  // linux/openat2.h
  private static final int SIZE_OF_OPEN_HOW = 24;
  private static final long RESOLVE_NO_XDEV = 0x01;
  private static final long RESOLVE_NO_MAGICLINKS = 0x02;
  private static final long RESOLVE_NO_SYMLINKS = 0x04;
  private static final long RESOLVE_BENEATH = 0x08;

  private static final byte[] NUL = {0};
  private static final int SIZE_OF_STATX = 256;
  private static final int STATX_BASIC_STATS = 0x7ff;
  private static final int LIST_BYTES = 32 * 1024;

  /** Bytes that one {@link #write} can take. */
  static final int CHUNK_BYTES = 128 * 1024;

  private final NativeMemory first = NativeMemory.allocate(UnpackLimits.MAX_PATH_BYTES + 1L);
  private final NativeMemory second = NativeMemory.allocate(UnpackLimits.MAX_PATH_BYTES + 1L);
  private final NativeMemory data = NativeMemory.allocate(CHUNK_BYTES);
  private final NativeMemory struct = NativeMemory.allocate(SIZE_OF_STATX);
  private final Numbers numbers = new Numbers();

  /** System call numbers, looked up once. */
  private static final class Numbers {
    private final SyscallTable table = SyscallTable.host();
    final int openat = table.number("openat");
    final int openat2 = table.number("openat2");
    final int write = table.number("write");
    final int pwrite = table.number("pwrite64");
    final int fchown = table.number("fchown");
    final int fchmod = table.number("fchmod");
    final int utimensat = table.number("utimensat");
    final int mkdirat = table.number("mkdirat");
    final int symlinkat = table.number("symlinkat");
    final int linkat = table.number("linkat");
    final int mknodat = table.number("mknodat");
    final int unlinkat = table.number("unlinkat");
    final int statx = table.number("statx");
  }

  /** Opens a directory by a path that only Berth can write to. */
  Fd openDirectory(Path path) {
    String name = ByteNames.of(path.toString());
    return Fd.own(
        check(
            "openat",
            name,
            Syscalls.call(
                numbers.openat, AT_FDCWD, put(first, name), O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW)));
  }

  /** Opens a directory in a directory; a symbolic link is ENOTDIR. */
  Fd openDirectory(Fd directory, String name) {
    return Fd.own(
        check(
            "openat",
            name,
            Syscalls.call(
                numbers.openat,
                directory.number(),
                put(first, name),
                O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC)));
  }

  /**
   * Opens a directory below a directory, by a path without any symbolic link or mount point.
   *
   * @return the result of openat2(2): ENOENT, ENOTDIR and ELOOP are answers, not errors
   */
  Syscalls.Result openBelow(Fd directory, String path) {
    struct.putLong(0, O_DIRECTORY | O_CLOEXEC).putLong(8, 0);
    struct.putLong(
        16, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS | RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV);
    return Syscalls.call(
        numbers.openat2, directory.number(), put(first, path), struct.address(), SIZE_OF_OPEN_HOW);
  }

  /** Creates a regular file of mode 0600 for writing; EEXIST is an answer. */
  Syscalls.Result createFile(Fd directory, String name) {
    return Syscalls.call(
        numbers.openat,
        directory.number(),
        put(first, name),
        O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
        0600);
  }

  /** Opens a regular file for reading. */
  Fd openFile(Fd directory, String name) {
    return Fd.own(
        check(
            "openat",
            name,
            Syscalls.call(
                numbers.openat, directory.number(), put(first, name), O_NOFOLLOW | O_CLOEXEC)));
  }

  /** Writes all of a chunk at the descriptor's position. */
  void write(Fd file, String name, byte[] bytes, int length) {
    data.put(0, bytes, 0, length);
    int done = 0;
    while (done < length) {
      done +=
          (int)
              check(
                  "write",
                  name,
                  Syscalls.call(
                      numbers.write, file.number(), data.address() + done, length - done));
    }
  }

  /** Writes all of a chunk at an offset. */
  void writeAt(Fd file, String name, byte[] bytes, int length, long offset) {
    data.put(0, bytes, 0, length);
    int done = 0;
    while (done < length) {
      done +=
          (int)
              check(
                  "pwrite64",
                  name,
                  Syscalls.call(
                      numbers.pwrite,
                      file.number(),
                      data.address() + done,
                      length - done,
                      offset + done));
    }
  }

  /** Reads up to a chunk; 0 at the end. */
  int read(Fd file, String name, byte[] into) {
    int length = Math.min(into.length, CHUNK_BYTES);
    int count = (int) Syscalls.check("read", readable(name), file.number(), data.address(), length);
    data.get(0, into, 0, count);
    return count;
  }

  void truncate(Fd file, String name, long sizeBytes) {
    Syscalls.check("ftruncate", readable(name), file.number(), sizeBytes);
  }

  /** Makes a directory of mode 0700; EEXIST is an answer. */
  Syscalls.Result makeDirectory(Fd directory, String name) {
    return Syscalls.call(numbers.mkdirat, directory.number(), put(first, name), 0700);
  }

  /** Makes a symbolic link; EEXIST is an answer. */
  Syscalls.Result makeSymbolicLink(Fd directory, String name, String target) {
    return Syscalls.call(
        numbers.symlinkat, put(second, target), directory.number(), put(first, name));
  }

  /** Gives an inode a second name; EEXIST is an answer. A symbolic link is linked itself. */
  Syscalls.Result link(Fd fromDirectory, String from, Fd directory, String name) {
    return Syscalls.call(
        numbers.linkat,
        fromDirectory.number(),
        put(second, from),
        directory.number(),
        put(first, name),
        0);
  }

  /**
   * Makes a device node or FIFO of mode 0600; EEXIST is an answer.
   *
   * @param type of {@link NodeStatus}
   */
  Syscalls.Result makeNode(Fd directory, String name, int type, long device) {
    return Syscalls.call(
        numbers.mknodat, directory.number(), put(first, name), type | 0600, device);
  }

  /** Marks a name as removed, in overlayfs's form; EEXIST is an answer. */
  Syscalls.Result makeWhiteout(Fd directory, String name) {
    return makeNode(directory, name, NodeStatus.CHARACTER, 0);
  }

  void changeOwner(Fd file, String name, int uid, int gid) {
    check("fchown", name, Syscalls.call(numbers.fchown, file.number(), uid, gid));
  }

  /** Changes the owner of anything, a symbolic link included. */
  void changeOwnerOf(Fd directory, String name, int uid, int gid) {
    Syscalls.check(
        "fchownat",
        readable(name),
        directory.number(),
        put(first, name),
        uid,
        gid,
        AT_SYMLINK_NOFOLLOW);
  }

  void changeMode(Fd file, String name, int permissions) {
    check("fchmod", name, Syscalls.call(numbers.fchmod, file.number(), permissions));
  }

  /** Changes the mode of a device node or FIFO, which cannot be opened without waking it. */
  void changeModeOfNode(Fd directory, String name, int permissions) {
    try (Fd node =
        Fd.own(
            check(
                "openat",
                name,
                Syscalls.call(
                    numbers.openat,
                    directory.number(),
                    put(first, name),
                    O_PATH | O_NOFOLLOW | O_CLOEXEC)))) {
      // chmod through the descriptor: fchmod(2) refuses O_PATH ones.
      String self = "/proc/self/fd/" + node.number();
      Syscalls.check("fchmodat", readable(name), AT_FDCWD, put(first, self), permissions);
    }
  }

  void changeTime(Fd file, String name, TarEntry.Time modified) {
    check(
        "utimensat", name, Syscalls.call(numbers.utimensat, file.number(), 0, times(modified), 0));
  }

  /** Changes the time of anything, a symbolic link included. */
  void changeTimeOf(Fd directory, String name, TarEntry.Time modified) {
    long path = put(first, name);
    check(
        "utimensat",
        name,
        Syscalls.call(
            numbers.utimensat, directory.number(), path, times(modified), AT_SYMLINK_NOFOLLOW));
  }

  /** Access time and modification time are the same: layers carry only the second. */
  private long times(TarEntry.Time modified) {
    struct.putLong(0, modified.seconds()).putLong(8, modified.nanos());
    struct.putLong(16, modified.seconds()).putLong(24, modified.nanos());
    return struct.address();
  }

  /** Sets an extended attribute; ENOTSUP, EPERM and others are answers. */
  Syscalls.Result setXattr(Fd file, String attribute, byte[] value) {
    try (var memory = NativeMemory.bytes(value)) {
      return Syscalls.call(
          SyscallTable.host().number("fsetxattr"),
          file.number(),
          put(first, attribute),
          memory.address(),
          value.length,
          0);
    }
  }

  /** Reads an extended attribute; empty if there is none. */
  Optional<byte[]> xattr(Fd file, String attribute) {
    try (var memory = NativeMemory.allocate(UnpackLimits.MAX_XATTR_BYTES)) {
      Syscalls.Result result =
          Syscalls.call(
              SyscallTable.host().number("fgetxattr"),
              file.number(),
              put(first, attribute),
              memory.address(),
              memory.sizeBytes());
      if (result.failedWith(Errno.ENODATA) || result.failedWith(Errno.EOPNOTSUPP)) {
        return Optional.empty();
      }
      return Optional.of(memory.get(0, (int) check("fgetxattr", attribute, result)));
    }
  }

  /** Names of the extended attributes of an open file. */
  List<String> xattrs(Fd file) {
    try (var memory = NativeMemory.allocate(UnpackLimits.MAX_XATTR_BYTES)) {
      Syscalls.Result result =
          Syscalls.call(
              SyscallTable.host().number("flistxattr"),
              file.number(),
              memory.address(),
              memory.sizeBytes());
      if (result.failedWith(Errno.EOPNOTSUPP)) {
        return List.of();
      }
      byte[] names = memory.get(0, (int) check("flistxattr", "extended attributes", result));
      String text = new String(names, ISO_8859_1);
      return text.isEmpty() ? List.of() : List.of(text.split("\0"));
    }
  }

  /** Describes a name, the link itself if it is one; empty if there is no such name. */
  Optional<NodeStatus> status(Fd directory, String name) {
    Syscalls.Result result =
        Syscalls.call(
            numbers.statx,
            directory.number(),
            put(first, name),
            name.isEmpty() ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW,
            STATX_BASIC_STATS,
            struct.address());
    if (result.failedWith(Errno.ENOENT)) {
      return Optional.empty();
    }
    check("statx", name, result);
    // Offsets of struct statx, linux/stat.h
    int major = struct.getInt(128);
    int minor = struct.getInt(132);
    return Optional.of(
        new NodeStatus(
            struct.getShort(28) & 0xffff,
            struct.getInt(20),
            struct.getInt(24),
            struct.getLong(40),
            struct.getLong(48),
            deviceNumber(major, minor),
            new TarEntry.Time(struct.getLong(112), struct.getInt(120))));
  }

  /** Describes what is open. */
  NodeStatus status(Fd file) {
    return status(file, "").orElseThrow();
  }

  String readLink(Fd directory, String name) {
    long path = put(first, name);
    int length =
        (int)
            Syscalls.check(
                "readlinkat",
                readable(name),
                directory.number(),
                path,
                second.address(),
                second.sizeBytes());
    return new String(second.get(0, length), ISO_8859_1);
  }

  /** Removes a name and, if it is a directory, all below it. */
  void remove(Fd directory, String name) {
    Syscalls.Result result =
        Syscalls.call(numbers.unlinkat, directory.number(), put(first, name), 0);
    if (!result.failedWith(Errno.EISDIR) && !result.failedWith(Errno.EPERM)) {
      check("unlinkat", name, result);
      return;
    }
    try (Fd inner = openDirectory(directory, name)) {
      list(inner).forEach(child -> remove(inner, child));
    }
    check(
        "unlinkat",
        name,
        Syscalls.call(numbers.unlinkat, directory.number(), put(first, name), AT_REMOVEDIR));
  }

  /** Moves a name to another directory of the same file system, over nothing. */
  void rename(Fd fromDirectory, String from, Fd directory, String name) {
    long source = put(second, from);
    Syscalls.check(
        "renameat2",
        readable(from),
        fromDirectory.number(),
        source,
        directory.number(),
        put(first, name),
        1); // RENAME_NOREPLACE of linux/fs.h
  }

  /** Names in a directory, without {@code .} and {@code ..}, in no order. */
  List<String> list(Fd directory) {
    Syscalls.check("lseek", directory, directory.number(), 0, 0);
    List<String> names = new ArrayList<>();
    try (var buffer = NativeMemory.allocate(LIST_BYTES)) {
      while (true) {
        int count =
            (int)
                Syscalls.check(
                    "getdents64", directory, directory.number(), buffer.address(), LIST_BYTES);
        if (count == 0) {
          return names;
        }
        addNames(buffer.get(0, count), names);
      }
    }
  }

  /** struct linux_dirent64: ino u64, off u64, reclen u16, type u8, name. */
  private static void addNames(byte[] entries, List<String> names) {
    for (int at = 0; at < entries.length; ) {
      int length = (entries[at + 16] & 0xff) | ((entries[at + 17] & 0xff) << 8);
      int end = at + 19;
      while (entries[end] != 0) {
        end++;
      }
      String name = new String(entries, at + 19, end - at - 19, ISO_8859_1);
      if (!name.equals(".") && !name.equals("..")) {
        names.add(name);
      }
      at += length;
    }
  }

  /** The kernel's number of a device; see new_encode_dev in linux/kdev_t.h. */
  static long deviceNumber(long major, long minor) {
    return (minor & 0xff) | (major << 8) | ((minor & ~0xffL) << 12);
  }

  private static long put(NativeMemory memory, String name) {
    byte[] bytes = name.getBytes(ISO_8859_1);
    memory.put(0, bytes).put(bytes.length, NUL);
    return memory.address();
  }

  static long check(String call, String name, Syscalls.Result result) {
    if (result.failed()) {
      throw new NativeException(call, readable(name), result.errno());
    }
    return result.value();
  }

  private static String readable(String name) {
    return "\"" + ByteNames.readable(name) + "\"";
  }

  /** Gives the native buffers back. Idempotent. */
  @Override
  public void close() {
    first.close();
    second.close();
    data.close();
    struct.close();
  }
}
