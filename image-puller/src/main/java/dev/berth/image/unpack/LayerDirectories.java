package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.UnixTime;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;

/**
 * The directories of a layer while it is written: opens parents, makes those that the archive does
 * not describe, and remembers them and the times that directories get at the end.
 *
 * <p>A parent is opened with one openat2(2) that allows no symbolic link at all. Where there is one
 * it is followed here, by text, as far as it is relative and stays inside; any other is an error
 * that names it. Descriptors of recent directories stay open, because archives come in order.
 *
 * <p>Not thread-safe.
 */
final class LayerDirectories implements AutoCloseable {
  private static final int MAX_OPEN = 32;
  private static final int MAX_LINKS = 40;

  private final Fd root;
  private final Inodes inodes;
  private final InodeAttributes kernel;
  private final Attributes attributes;
  private final Map<String, Fd> open = new LinkedHashMap<>(16, 0.75f, true);
  private final Set<String> implicit = new LinkedHashSet<>();
  private final Map<String, UnixTime> times = new LinkedHashMap<>();
  private long keptBytes;

  /** An open directory and its path below the root, without symbolic links. */
  record Directory(String path, Fd fd) {
    /**
     * Returns the path of a name in it.
     *
     * @throws BerthException INVALID_ARGUMENT if it is longer than the kernel takes
     */
    String child(String name) {
      return requireShort(path.isEmpty() ? name : path + "/" + name);
    }
  }

  LayerDirectories(Fd root, Inodes inodes, InodeAttributes kernel) {
    this.root = root;
    this.inodes = inodes;
    this.kernel = kernel;
    this.attributes = new Attributes(inodes, kernel);
  }

  /**
   * Opens a directory and makes what is missing of it. The descriptor stays ours, and open until
   * some other directories were asked for: ask again by the real path if in doubt.
   */
  Directory require(String path) {
    return open(path, true).orElseThrow();
  }

  /** Opens a directory if it is there. */
  Optional<Directory> find(String path) {
    return open(path, false);
  }

  private Optional<Directory> open(String path, boolean make) {
    String real = path;
    for (int links = 0; links <= MAX_LINKS; links++) {
      try {
        return Optional.of(new Directory(real, enter(real)));
      } catch (NativeException e) {
        Optional<String> further = goOn(real, e, make);
        if (further.isEmpty()) {
          return Optional.empty();
        }
        real = further.get();
      }
    }
    throw new BerthException(
        INVALID_ARGUMENT, "the path leads through more than " + MAX_LINKS + " symbolic links");
  }

  /** Returns the path to try next; empty if there is no directory and none is to be made. */
  private Optional<String> goOn(String path, NativeException failure, boolean make) {
    if (failure.is(Errno.ELOOP) || failure.is(Errno.ENOTDIR)) {
      return passFirstObstacle(path, make);
    }
    if (!failure.is(Errno.ENOENT)) {
      throw failure;
    }
    if (!make) {
      return Optional.empty();
    }
    makeMissing(path);
    return Optional.of(path);
  }

  private Fd enter(String path) {
    if (path.isEmpty()) {
      return root;
    }
    Fd known = open.get(requireShort(path));
    if (known != null) {
      return known;
    }
    Fd fd = inodes.openBelow(root, path);
    if (open.size() >= MAX_OPEN) {
      String eldest = open.keySet().iterator().next();
      Fd closed = open.remove(eldest);
      if (closed != null) {
        closed.close();
      }
    }
    open.put(path, fd);
    return fd;
  }

  /** The path of an entry was short enough; where links lead it may not be. */
  private static String requireShort(String path) {
    if (path.length() >= UnpackLimits.MAX_PATH_BYTES) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "links lead to \""
              + ByteNames.readable(path)
              + "\", which has "
              + path.length()
              + " bytes");
    }
    return path;
  }

  private void makeMissing(String path) {
    List<String> walked = new ArrayList<>();
    for (String component : ByteNames.components(path)) {
      Directory parent = find(ByteNames.join(walked)).orElseThrow();
      walked.add(component);
      if (inodes.makeDirectory(parent.fd(), component)) {
        makePlain(parent, component);
        implicit.add(parent.child(component));
      } else if (!isDirectory(parent, component)) {
        return; // a link or a file in the middle: for the caller's next look
      }
    }
  }

  private boolean isDirectory(Directory parent, String name) {
    return inodes.status(parent.fd(), name).map(InodeStatus::isDirectory).orElse(false);
  }

  /** 0755, root, and a time that does not depend on when we unpack. */
  private void makePlain(Directory parent, String name) {
    try (Fd fd = inodes.openDirectory(parent.fd(), name)) {
      kernel.changeOwner(fd, name, 0, 0);
      kernel.changeMode(fd, name, 0755);
    }
    remember(parent.child(name), UnixTime.EPOCH);
  }

  /**
   * Returns {@code path} with its first symbolic link replaced by where it leads; or, where it
   * leads through a whiteout of this layer, makes a new directory in its place. Empty if nothing
   * may be made.
   */
  private Optional<String> passFirstObstacle(String path, boolean make) {
    List<String> components = ByteNames.components(path);
    for (int i = 0; i < components.size(); i++) {
      List<String> above = components.subList(0, i);
      Directory parent = find(ByteNames.join(above)).orElseThrow();
      String name = components.get(i);
      InodeStatus status = inodes.status(parent.fd(), name).orElseThrow();
      if (status.isSymbolicLink()) {
        String target = inodes.readLink(parent.fd(), name);
        List<String> rest = components.subList(i + 1, components.size());
        return Optional.of(substitute(above, parent.child(name), target, rest));
      }
      if (status.isWhiteout()) {
        if (make) {
          replaceWhiteout(parent, name);
        }
        return make ? Optional.of(path) : Optional.empty();
      }
      if (!status.isDirectory()) {
        throw new BerthException(
            INVALID_ARGUMENT,
            "its parent \"" + ByteNames.readable(parent.child(name)) + "\" is not a directory");
      }
    }
    return Optional.of(path);
  }

  /** Something below a removed name: the name is a directory again, without its old content. */
  private void replaceWhiteout(Directory parent, String name) {
    inodes.remove(parent.fd(), name);
    requireMade(parent.child(name), inodes.makeDirectory(parent.fd(), name));
    makePlain(parent, name);
    try (Fd fd = inodes.openDirectory(parent.fd(), name)) {
      attributes.makeOpaque(fd);
    }
  }

  /** Nobody else writes to the directory, so a name that was free or freed cannot be taken. */
  static void requireMade(String path, boolean made) {
    if (!made) {
      throw new BerthException(
          INTERNAL, "\"" + ByteNames.readable(path) + "\" was made by somebody else meanwhile");
    }
  }

  private static String substitute(
      List<String> above, String link, String target, List<String> rest) {
    List<String> real = new ArrayList<>(above);
    boolean inside = !target.startsWith("/");
    for (String component : ByteNames.components(target)) {
      if (!component.equals("..")) {
        real.add(component);
      } else if (real.isEmpty()) {
        inside = false;
      } else {
        real.removeLast();
      }
    }
    if (!inside) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "the path leads through the symbolic link \""
              + ByteNames.readable(link)
              + "\" to \""
              + ByteNames.readable(target)
              + "\", out of the layer");
    }
    real.addAll(rest);
    return ByteNames.join(real);
  }

  /** Whether a directory is there only because something is in it. */
  boolean isImplicit(String path) {
    return implicit.contains(path);
  }

  /** Notes that a directory is new here, whatever lower layers have in its place. */
  void detach(String path) {
    implicit.remove(path);
  }

  /** Notes that the archive describes a directory, and the time it is to have. */
  void describe(String path, UnixTime modified) {
    implicit.remove(path);
    remember(path, modified);
  }

  private void remember(String path, UnixTime time) {
    if (times.put(path, time) == null) {
      keptBytes += UnpackLimits.keptBytes(path);
    }
  }

  /** About how much memory the directories take that were met so far. */
  long keptBytes() {
    return keptBytes;
  }

  /** Forgets a path that was removed, and all below it. */
  void forget(String path) {
    String below = path + "/";
    open.entrySet()
        .removeIf(entry -> {
          boolean gone = entry.getKey().equals(path) || entry.getKey().startsWith(below);
          if (gone) {
            entry.getValue().close();
          }
          return gone;
        });
    implicit.removeIf(other -> other.equals(path) || other.startsWith(below));
    times.keySet().removeIf(other -> other.equals(path) || other.startsWith(below));
  }

  List<String> implicit() {
    return List.copyOf(implicit);
  }

  /** Gives all directories their times; nothing may be created in them after that. */
  void setTimes() {
    times.forEach((path, modified) -> {
      Directory directory = find(path).orElseThrow();
      kernel.changeTime(directory.fd(), path, modified);
    });
  }

  /** Closes all descriptors but the root's. Idempotent. */
  @Override
  public void close() {
    open.values().forEach(Fd::close);
    open.clear();
  }
}
