package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * A directory that paths are resolved below, by openat2(2): the only way here from a path that a
 * container had a hand in to a descriptor (rule R3). What was resolved once is used through its
 * descriptor and never looked up again.
 *
 * <p>Owns its descriptor. Thread-safe.
 */
public final class DirFd implements AutoCloseable {
  /** How far a path may lead; RESOLVE_* of linux/openat2.h. Magic links are never followed. */
  public enum Resolve {
    /** Absolute paths, absolute links and {@code ..} stay below the directory, as after chroot. */
    IN_ROOT(0x10),
    /** A path that leads out of the directory is an error (EXDEV). */
    BENEATH(0x08),
    /** Any symbolic link is an error (ELOOP). */
    NO_SYMLINKS(0x04),
    /** Crossing a mount point is an error (EXDEV). */
    NO_CROSSING(0x01);

    private static final int NO_MAGICLINKS = 0x02;

    private final int bit;

    Resolve(int bit) {
      this.bit = bit;
    }

    static int bits(Set<Resolve> resolve) {
      int bits = NO_MAGICLINKS;
      for (Resolve one : resolve) {
        bits |= one.bit;
      }
      return bits;
    }
  }

  /** EAGAIN means that a rename or mount raced with the walk; so often in a row is an attack. */
  private static final int MAX_RACES = 128;

  // struct open_how of linux/openat2.h
  private static final int SIZE_OF_OPEN_HOW = 24;

  private final Fd fd;

  private DirFd(Fd fd) {
    this.fd = fd;
  }

  /** Opens a directory that only the host can replace; symbolic links on the way are followed. */
  public static DirFd open(Path directory) {
    return new DirFd(Descriptors.open(directory, OpenFlag.PATH, OpenFlag.DIRECTORY));
  }

  /** Takes ownership of a descriptor of a directory. */
  public static DirFd own(Fd directory) {
    return new DirFd(directory);
  }

  /** The descriptor itself, owned by this object. */
  public Fd fd() {
    return fd;
  }

  /**
   * Opens what a path means; the caller closes it.
   *
   * @param path relative to this directory, or absolute with {@link Resolve#IN_ROOT}
   * @throws NativeException ENOENT, ELOOP, EXDEV and what else openat2(2) says
   */
  public Fd resolve(String path, Set<Resolve> resolve, OpenFlag... flags) {
    return openat2(path, resolve, 0, flags);
  }

  /** Opens a place below this directory as a path descriptor, as after chroot. */
  public Fd place(String path) {
    return resolve(path, EnumSet.of(Resolve.IN_ROOT), OpenFlag.PATH);
  }

  /**
   * Opens or creates a regular file below this directory. Parents must exist; the last component is
   * never a followed link.
   */
  public Fd createFile(String path, int mode, OpenFlag... flags) {
    EnumSet<OpenFlag> all = EnumSet.of(OpenFlag.CREATE, OpenFlag.NO_FOLLOW);
    all.addAll(List.of(flags));
    return openat2(path, EnumSet.of(Resolve.IN_ROOT), mode, all.toArray(OpenFlag[]::new));
  }

  /**
   * Opens a directory below this one and makes what is missing on the way, as after chroot:
   * existing links are followed inside the root, {@code ..} is refused in the missing part.
   *
   * @param mode permission bits of what is made, cut by the umask
   * @return a path descriptor, closed by the caller
   * @throws NativeException ENOTDIR if something else is in the way
   */
  public Fd makeDirectories(String path, int mode) {
    Fd current = fd.duplicate();
    try {
      // Each step is resolved from the root again up to its own length: a link in the middle may
      // be absolute. What was made in between can be replaced by a racer, but not lead out.
      StringBuilder walked = new StringBuilder();
      for (String name : components(path)) {
        walked.append('/').append(name);
        Fd next = enterOrMake(current, walked.toString(), name, mode);
        current.close();
        current = next;
      }
      return current;
    } catch (RuntimeException e) {
      current.close();
      throw e;
    }
  }

  private Fd enterOrMake(Fd parent, String walked, String name, int mode) {
    try {
      return directory(walked);
    } catch (NativeException e) {
      if (!e.is(Errno.ENOENT)) {
        throw e;
      }
    }
    makeDirectory(parent, requireName(name), mode);
    return directory(walked);
  }

  private Fd directory(String path) {
    return resolve(path, EnumSet.of(Resolve.IN_ROOT), OpenFlag.PATH, OpenFlag.DIRECTORY);
  }

  private static void makeDirectory(Fd parent, String name, int mode) {
    try (var text = NativeMemory.string(name)) {
      Syscalls.Result result =
          Syscalls.call(Descriptors.number("mkdirat"), parent.number(), text.address(), mode);
      if (!result.failedWith(Errno.EEXIST)) { // a racer made it: it is resolved like any other
        Descriptors.checked("mkdirat", parent + "/" + name, result);
      }
    }
  }

  private static List<String> components(String path) {
    return List.of(path.split("/", -1)).stream()
        .filter(name -> !name.isEmpty() && !name.equals("."))
        .toList();
  }

  private Fd openat2(String path, Set<Resolve> resolve, int mode, OpenFlag... flags) {
    String subject = fd + " \"" + Ids.printable(path) + "\"";
    try (var text = NativeMemory.string(path);
        var how = NativeMemory.allocate(SIZE_OF_OPEN_HOW)) {
      how.putLong(0, OpenFlag.bits(Set.of(flags)));
      how.putLong(8, mode);
      how.putLong(16, Resolve.bits(resolve));
      for (int race = 0; race < MAX_RACES; race++) {
        Syscalls.Result result =
            Syscalls.call(
                Descriptors.number("openat2"),
                fd.number(),
                text.address(),
                how.address(),
                SIZE_OF_OPEN_HOW);
        if (!result.failedWith(Errno.EAGAIN)) {
          return Fd.own(Descriptors.checked("openat2", subject, result));
        }
      }
    }
    throw new BerthException(
        UNAVAILABLE, "openat2 " + subject + ": renames raced with " + MAX_RACES + " attempts");
  }

  /** Returns a name that is one component and can lead nowhere else. */
  static String requireName(String name) {
    if (name.isEmpty() || name.equals(".") || name.equals("..") || name.indexOf('/') >= 0) {
      throw new BerthException(
          INVALID_ARGUMENT, "not the name of a file: \"" + Ids.printable(name) + "\"");
    }
    return name;
  }

  /** Closes the descriptor. Idempotent. */
  @Override
  public void close() {
    fd.close();
  }
}
