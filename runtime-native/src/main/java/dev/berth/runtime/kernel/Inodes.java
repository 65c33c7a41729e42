package dev.berth.runtime.kernel;

import static dev.berth.runtime.kernel.FcntlCommands.AT_EMPTY_PATH;
import static dev.berth.runtime.kernel.FcntlCommands.AT_FDCWD;
import static dev.berth.runtime.kernel.FcntlCommands.AT_REMOVEDIR;
import static dev.berth.runtime.kernel.FcntlCommands.AT_SYMLINK_NOFOLLOW;
import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.EnumSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Makes, finds and removes inodes below open directories, for archives that are unpacked.
 *
 * <p>Every call names one component of a path, in a directory that is a descriptor, and follows no
 * link; {@link #openBelow} alone takes a path, which openat2(2) keeps below its directory. Names
 * have one character per byte (see {@link ByteNames}). What makes a name answers false if it is
 * taken; all other failures are a {@link NativeException}.
 *
 * <p>Native buffers are used again and again, so an object belongs to one thread: not thread-safe.
 * Make the calls on a platform thread, because they can wait for the disk.
 */
public final class Inodes implements AutoCloseable {
  /** Longest path, as PATH_MAX of linux/limits.h has it. */
  private static final int MAX_PATH_BYTES = 4096;

  private static final int OPEN_DIRECTORY =
      OpenFlag.bits(Set.of(OpenFlag.DIRECTORY, OpenFlag.NO_FOLLOW));
  private static final int OPEN_FILE = OpenFlag.bits(Set.of(OpenFlag.NO_FOLLOW));
  private static final int CREATE_FILE =
      OpenFlag.bits(
          Set.of(OpenFlag.WRITE, OpenFlag.CREATE, OpenFlag.EXCLUSIVE, OpenFlag.NO_FOLLOW));

  // struct open_how of linux/openat2.h
  private static final int SIZE_OF_OPEN_HOW = 24;
  private static final int BELOW =
      DirFd.Resolve.bits(
          EnumSet.of(DirFd.Resolve.BENEATH, DirFd.Resolve.NO_SYMLINKS, DirFd.Resolve.NO_CROSSING));

  private static final int SIZE_OF_STATX = 256;
  private static final int STATX_BASIC_STATS = 0x7ff;
  private static final int RENAME_NOREPLACE = 1; // linux/fs.h
  private static final int LIST_BYTES = 32 * 1024;

  private final NativeMemory first = NativeMemory.allocate(MAX_PATH_BYTES + 1L);
  private final NativeMemory second = NativeMemory.allocate(MAX_PATH_BYTES + 1L);
  private final NativeMemory struct = NativeMemory.allocate(SIZE_OF_STATX);

  /** Made when something is listed: most inodes never are. */
  private @Nullable NativeMemory entries;

  /** Opens a directory by a path that only the host can write to; the caller closes it. */
  public Fd openDirectory(Path path) {
    return open(AT_FDCWD, ByteNames.of(path.toString()), OPEN_DIRECTORY);
  }

  /** Opens a directory in a directory; a symbolic link is ENOTDIR. The caller closes it. */
  public Fd openDirectory(Fd directory, String name) {
    return open(directory.number(), name, OPEN_DIRECTORY);
  }

  /** Opens a regular file for reading; the caller closes it. */
  public Fd openFile(Fd directory, String name) {
    return open(directory.number(), name, OPEN_FILE);
  }

  private Fd open(int directory, String name, int flags) {
    return Fd.own(
        check("openat", name, call("openat", directory, ByteNames.put(first, name), flags)));
  }

  /**
   * Opens a directory below a directory, by a path without any symbolic link or mount point; the
   * caller closes it.
   *
   * @throws NativeException ENOENT, ENOTDIR or ELOOP if the path is none of a directory
   */
  public Fd openBelow(Fd directory, String path) {
    struct.putLong(0, OpenFlag.bits(Set.of(OpenFlag.DIRECTORY))).putLong(8, 0).putLong(16, BELOW);
    return Fd.own(
        check(
            "openat2",
            path,
            call(
                "openat2",
                directory.number(),
                ByteNames.put(first, path),
                struct.address(),
                SIZE_OF_OPEN_HOW)));
  }

  /** Creates a regular file of mode 0600 for writing, closed by the caller; empty if taken. */
  public Optional<Fd> createFile(Fd directory, String name) {
    Syscalls.Result result =
        call("openat", directory.number(), ByteNames.put(first, name), CREATE_FILE, 0600);
    return isMade("openat", name, result) ? Optional.of(Fd.own(result.value())) : Optional.empty();
  }

  /** Makes a directory of mode 0700; false if the name is taken. */
  public boolean makeDirectory(Fd directory, String name) {
    return isMade(
        "mkdirat", name, call("mkdirat", directory.number(), ByteNames.put(first, name), 0700));
  }

  /** Makes a symbolic link; false if the name is taken. */
  public boolean makeSymbolicLink(Fd directory, String name, String target) {
    return isMade(
        "symlinkat",
        name,
        call(
            "symlinkat",
            ByteNames.put(second, target),
            directory.number(),
            ByteNames.put(first, name)));
  }

  /**
   * Gives an inode a second name; false if that is taken. A symbolic link is linked itself.
   *
   * @param fromDirectory has the first name
   */
  public boolean link(Fd fromDirectory, String from, Fd directory, String name) {
    return isMade(
        "linkat",
        name,
        call(
            "linkat",
            fromDirectory.number(),
            ByteNames.put(second, from),
            directory.number(),
            ByteNames.put(first, name),
            0));
  }

  /**
   * Makes a device node or FIFO of mode 0600; false if the name is taken.
   *
   * @param type of {@link InodeStatus}
   * @param device as {@link #deviceNumber} gives it; 0 for a FIFO
   */
  public boolean makeNode(Fd directory, String name, int type, long device) {
    return isMade(
        "mknodat",
        name,
        call("mknodat", directory.number(), ByteNames.put(first, name), type | 0600, device));
  }

  /** Marks a name as removed, in overlayfs's form; false if the name is taken. */
  public boolean makeWhiteout(Fd directory, String name) {
    return makeNode(directory, name, InodeStatus.CHARACTER, 0);
  }

  /** Describes a name, the link itself if it is one; empty if there is no such name. */
  public Optional<InodeStatus> status(Fd directory, String name) {
    Syscalls.Result result =
        call(
            "statx",
            directory.number(),
            ByteNames.put(first, name),
            name.isEmpty() ? AT_EMPTY_PATH : AT_SYMLINK_NOFOLLOW,
            STATX_BASIC_STATS,
            struct.address());
    if (result.failedWith(Errno.ENOENT)) {
      return Optional.empty();
    }
    check("statx", name, result);
    // Offsets of struct statx, linux/stat.h
    return Optional.of(
        new InodeStatus(
            struct.getShort(28) & 0xffff,
            struct.getInt(20),
            struct.getInt(24),
            struct.getLong(40),
            struct.getLong(48),
            deviceNumber(struct.getInt(128), struct.getInt(132)),
            new UnixTime(struct.getLong(112), struct.getInt(120)),
            struct.getLong(32),
            struct.getInt(16)));
  }

  /** Describes what is open. */
  public InodeStatus status(Fd file) {
    return status(file, "").orElseThrow();
  }

  /** Returns where a symbolic link leads, one character per byte. */
  public String readLink(Fd directory, String name) {
    long length =
        check(
            "readlinkat",
            name,
            call(
                "readlinkat",
                directory.number(),
                ByteNames.put(first, name),
                second.address(),
                second.sizeBytes()));
    return new String(second.get(0, (int) length), ISO_8859_1);
  }

  /**
   * Removes a name and, if it is a directory, all below it. However deep that is, one descriptor
   * and no stack is needed; a path in it must not be longer than the kernel takes.
   */
  public void remove(Fd directory, String name) {
    Deque<String> left = new ArrayDeque<>();
    if (!unlink(directory, name)) {
      left.push(name);
    }
    while (!left.isEmpty()) {
      String path = left.peek();
      List<String> inner = removeFiles(directory, path);
      inner.forEach(left::push);
      if (inner.isEmpty()) {
        left.pop();
        long number = directory.number();
        check("unlinkat", path, call("unlinkat", number, ByteNames.put(first, path), AT_REMOVEDIR));
      }
    }
  }

  /** Removes the files of a directory; returns the paths of the directories in it. */
  private List<String> removeFiles(Fd top, String path) {
    try (Fd directory = openBelow(top, path)) {
      return list(directory).stream()
          .filter(child -> !unlink(directory, child))
          .map(child -> path + "/" + child)
          .toList();
    }
  }

  /** Removes a name unless it is a directory. */
  private boolean unlink(Fd directory, String name) {
    Syscalls.Result result = call("unlinkat", directory.number(), ByteNames.put(first, name), 0);
    if (result.failedWith(Errno.EISDIR) || result.failedWith(Errno.EPERM)) {
      return false;
    }
    check("unlinkat", name, result);
    return true;
  }

  /** Moves a name to another directory of the same file system, over nothing. */
  public void rename(Fd fromDirectory, String from, Fd directory, String name) {
    check(
        "renameat2",
        from,
        call(
            "renameat2",
            fromDirectory.number(),
            ByteNames.put(second, from),
            directory.number(),
            ByteNames.put(first, name),
            RENAME_NOREPLACE));
  }

  /** Names in a directory, without {@code .} and {@code ..}, in no order. */
  public List<String> list(Fd directory) {
    Syscalls.check("lseek", directory, directory.number(), 0, 0);
    List<String> names = new ArrayList<>();
    NativeMemory buffer = entries();
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

  /** Native memory goes with the collector, so one block per directory of a tree would pile up. */
  private NativeMemory entries() {
    NativeMemory present = entries;
    if (present == null) {
      present = NativeMemory.allocate(LIST_BYTES);
      entries = present;
    }
    return present;
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
  public static long deviceNumber(long major, long minor) {
    return (minor & 0xff) | (major << 8) | ((minor & ~0xffL) << 12);
  }

  private static Syscalls.Result call(String name, long... arguments) {
    return Syscalls.call(Descriptors.number(name), arguments);
  }

  private static boolean isMade(String call, String name, Syscalls.Result result) {
    if (result.failedWith(Errno.EEXIST)) {
      return false;
    }
    check(call, name, result);
    return true;
  }

  /** Names are made readable only for an error: there are many of them. */
  static long check(String call, String name, Syscalls.Result result) {
    if (result.failed()) {
      throw new NativeException(call, "\"" + ByteNames.readable(name) + "\"", result.errno());
    }
    return result.value();
  }

  /** Gives the native buffers back. Idempotent. */
  @Override
  public void close() {
    first.close();
    second.close();
    struct.close();
    NativeMemory present = entries;
    if (present != null) {
      present.close();
    }
  }
}
