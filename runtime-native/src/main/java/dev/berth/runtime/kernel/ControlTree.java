package dev.berth.runtime.kernel;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * A mounted file system whose files steer the kernel, such as a cgroup hierarchy.
 *
 * <p>Paths are relative to the root of the tree ({@code kubepods/pod1/pids.max}; the empty path is
 * the root itself). Files are opened with {@code openat2(RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS |
 * RESOLVE_NO_MAGICLINKS | RESOLVE_NO_XDEV)}: nothing that is mounted or linked into the tree leads
 * out of it. A write is one write(2), as such files want it.
 *
 * <p>Owns one descriptor. Thread-safe.
 */
public final class ControlTree implements AutoCloseable {
  private static final int O_RDONLY = 0;
  private static final int O_WRONLY = 1;
  private static final int O_CLOEXEC = 0x80000;
  private static final int O_PATH = 0x200000;
  private static final int AT_REMOVEDIR = 0x200;
  private static final int RESOLVE_INSIDE = 0x01 | 0x02 | 0x04 | 0x08;
  private static final int OPEN_HOW_BYTES = 24;
  private static final int MAX_FILE_BYTES = 1 << 20;
  private static final int CHUNK_BYTES = 4096;

  private static final SyscallTable TABLE = SyscallTable.host();
  private static final int OPENAT2 = TABLE.number("openat2");
  private static final int READ = TABLE.number("read");
  private static final int WRITE = TABLE.number("write");
  private static final int MKDIRAT = TABLE.number("mkdirat");
  private static final int FCHMODAT = TABLE.number("fchmodat");
  private static final int UNLINKAT = TABLE.number("unlinkat");

  private static final NativeMemory FOR_READING = openHow(O_RDONLY);
  private static final NativeMemory FOR_WRITING = openHow(O_WRONLY);
  private static final NativeMemory AS_PLACE = openHow(O_PATH);

  private final Fd root;
  private final Path mountPoint;

  private ControlTree(Fd root, Path mountPoint) {
    this.root = root;
    this.mountPoint = mountPoint;
  }

  /** Opens the tree mounted at {@code mountPoint}, or the part of one that begins there. */
  public static ControlTree open(Path mountPoint) {
    int atCurrentDirectory = -100;
    try (var path = NativeMemory.string(mountPoint.toString())) {
      long fd =
          Syscalls.check(
              "openat", mountPoint, atCurrentDirectory, path.address(), O_PATH | O_CLOEXEC);
      return new ControlTree(Fd.own(fd), mountPoint);
    }
  }

  // struct open_how of linux/openat2.h: flags, mode, resolve
  private static NativeMemory openHow(int flags) {
    return NativeMemory.allocate(OPEN_HOW_BYTES)
        .putLong(0, flags | O_CLOEXEC)
        .putLong(16, RESOLVE_INSIDE);
  }

  /** The directory the tree was opened at, for messages. */
  public Path mountPoint() {
    return mountPoint;
  }

  /**
   * Makes a directory, whose parent must exist. Everyone may look into it, whatever this process's
   * umask: programs that are not root read their own limits there.
   *
   * @return false if it was there already
   * @throws NativeException ENOENT if the parent is missing
   */
  public boolean makeDirectory(String path) {
    int mode = 0755;
    try (var text = text(path)) {
      Syscalls.Result result = Syscalls.call(MKDIRAT, root.number(), text.address(), mode);
      if (result.failedWith(Errno.EEXIST)) {
        return false;
      }
      check("mkdir", path, result);
      check("chmod", path, Syscalls.call(FCHMODAT, root.number(), text.address(), mode));
    }
    return true;
  }

  /**
   * Removes an empty directory.
   *
   * @return false if it is not there
   * @throws NativeException EBUSY while processes or directories are in it
   */
  public boolean removeDirectory(String path) {
    Syscalls.Result result;
    try (var text = text(path)) {
      result = Syscalls.call(UNLINKAT, root.number(), text.address(), AT_REMOVEDIR);
    }
    // ENODEV comes from a cgroup that is being removed by someone else at this moment.
    if (result.failedWith(Errno.ENOENT) || result.failedWith(Errno.ENODEV)) {
      return false;
    }
    check("rmdir", path, result);
    return true;
  }

  public boolean exists(String path) {
    try (var text = text(path)) {
      Syscalls.Result result = open(text, AS_PLACE);
      if (result.failed()) {
        return false;
      }
      Fd.own(result.value()).close();
      return true;
    }
  }

  /** Returns the directories in a directory, in no order; none if it is not there. */
  public List<String> directories(String path) {
    try (Fd directory = openPlace(path)) {
      Path list = Path.of("/proc/self/fd/" + directory.number());
      // Such file systems (kernfs) count a link for each directory in one, besides its own two.
      boolean hasNone = Files.getAttribute(list, "unix:nlink").equals(2);
      return hasNone ? List.of() : directories(list);
    } catch (NativeException e) {
      if (e.is(Errno.ENOENT)) {
        return List.of();
      }
      throw e;
    } catch (NoSuchFileException e) {
      return List.of(); // it was removed after it was opened
    } catch (IOException e) {
      throw new UncheckedIOException("cannot list " + subject(path), e);
    }
  }

  private static List<String> directories(Path path) throws IOException {
    List<String> names = new ArrayList<>();
    try (DirectoryStream<Path> entries = Files.newDirectoryStream(path, Files::isDirectory)) {
      entries.forEach(entry -> names.add(entry.getFileName().toString()));
    }
    return names;
  }

  /** Opens a file or directory as a place (O_PATH); the caller closes it. */
  public Fd openPlace(String path) {
    return open(path, AS_PLACE);
  }

  /** Opens a file or directory for reading; the caller closes it. */
  public Fd openToRead(String path) {
    return open(path, FOR_READING);
  }

  /**
   * Opens a file for reading, or returns empty if there is none, or its object is being removed;
   * the caller closes it.
   */
  public Optional<Fd> openToReadIfPresent(String path) {
    try (var text = text(path)) {
      Syscalls.Result opened = open(text, FOR_READING);
      // ENODEV comes from a file whose cgroup was removed after it was found.
      if (opened.failedWith(Errno.ENOENT) || opened.failedWith(Errno.ENODEV)) {
        return Optional.empty();
      }
      check("open", path, opened);
      return Optional.of(Fd.own(opened.value()));
    }
  }

  /** Opens a file for writing; the caller closes it. */
  public Fd openForWriting(String path) {
    return open(path, FOR_WRITING);
  }

  /** Opens a file to read it again and again; the caller closes it. */
  public ControlFile watch(String path) {
    return new ControlFile(open(path, FOR_READING), subject(path));
  }

  /**
   * Writes a file.
   *
   * @throws NativeException with the errno of opening or writing it
   */
  public void write(String path, String value) {
    if (!writeIfPresent(path, value)) {
      throw new NativeException("open", subject(path), Errno.ENOENT.number());
    }
  }

  /**
   * Opens a file once and writes several values, each with a write(2) of its own.
   *
   * @throws NativeException of the first that fails, naming the value
   */
  public void writeEach(String path, List<String> values) {
    if (values.isEmpty()) {
      return;
    }
    try (Fd file = openForWriting(path)) {
      values.forEach(value -> write(file, path, value));
    }
  }

  /** Writes a file, or returns false if there is none or its object is being removed. */
  public boolean writeIfPresent(String path, String value) {
    try (var text = text(path)) {
      Syscalls.Result opened = open(text, FOR_WRITING);
      if (opened.failedWith(Errno.ENOENT) || opened.failedWith(Errno.ENODEV)) {
        return false;
      }
      check("open", path, opened);
      try (Fd file = Fd.own(opened.value())) {
        write(file, path, value);
      }
      return true;
    }
  }

  private void write(Fd file, String path, String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    try (var buffer = NativeMemory.bytes(bytes)) {
      Syscalls.Result written = Syscalls.call(WRITE, file.number(), buffer.address(), bytes.length);
      if (written.failed()) {
        throw new NativeException("write \"" + value + "\" to", subject(path), written.errno());
      }
    }
  }

  /** Reads a whole file, without the line end it closes with. */
  public String read(String path) {
    return readIfPresent(path)
        .orElseThrow(() -> new NativeException("open", subject(path), Errno.ENOENT.number()));
  }

  /** Reads a whole file, or returns empty if there is none. */
  public Optional<String> readIfPresent(String path) {
    return openToReadIfPresent(path)
        .flatMap(opened -> {
          try (Fd file = opened) {
            return Optional.of(read(file, subject(path)).stripTrailing());
          } catch (NativeException e) {
            return absentIfRemoved(e);
          }
        });
  }

  /** ENODEV comes from a file whose cgroup was removed after it was opened. */
  private static Optional<String> absentIfRemoved(NativeException e) {
    if (e.is(Errno.ENODEV)) {
      return Optional.empty();
    }
    throw e;
  }

  private static String read(Fd file, String subject) {
    StringBuilder out = new StringBuilder();
    try (var chunk = NativeMemory.allocate(CHUNK_BYTES)) {
      while (out.length() < MAX_FILE_BYTES) {
        Syscalls.Result result = Syscalls.call(READ, file.number(), chunk.address(), CHUNK_BYTES);
        if (result.failed()) {
          throw new NativeException("read", subject, result.errno());
        }
        if (result.value() == 0) {
          return out.toString();
        }
        out.append(new String(chunk.get(0, (int) result.value()), StandardCharsets.US_ASCII));
      }
    }
    throw new NativeException("read", subject, Errno.EFBIG.number());
  }

  private Fd open(String path, NativeMemory how) {
    try (var text = text(path)) {
      Syscalls.Result result = open(text, how);
      check("open", path, result);
      return Fd.own(result.value());
    }
  }

  private Syscalls.Result open(NativeMemory path, NativeMemory how) {
    return Syscalls.call(OPENAT2, root.number(), path.address(), how.address(), OPEN_HOW_BYTES);
  }

  /** An empty path cannot be opened; "." is the root of the tree. */
  private static NativeMemory text(String path) {
    return NativeMemory.string(path.isEmpty() ? "." : path);
  }

  private void check(String call, String path, Syscalls.Result result) {
    if (result.failed()) {
      throw new NativeException(call, subject(path), result.errno());
    }
  }

  private String subject(String path) {
    return path.isEmpty() ? mountPoint.toString() : mountPoint + "/" + path;
  }

  /** Closes the root; files opened before stay open. Idempotent. */
  @Override
  public void close() {
    root.close();
  }
}
