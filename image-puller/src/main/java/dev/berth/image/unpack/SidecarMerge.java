package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.image.unpack.LayerDirectories.Directory;
import dev.berth.image.unpack.LayerStack.Node;
import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.FileContent;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;
import dev.berth.runtime.kernel.UnixTime;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Completes a layer from the layers below it: gives implicit directories the looks they have there
 * and resolves hard links to files that are there.
 *
 * <p>What would have happened had the archive been applied to the mounted layers below is the
 * measure. So where a lower layer has a symbolic link in place of an implicit directory (a file
 * {@code lib/x} on top of {@code lib -> usr/lib}), what the layer has in it moves to where the link
 * leads; and a link to a lower file first copies that file up.
 *
 * <p>Not thread-safe; to be used on a platform thread.
 */
public final class SidecarMerge implements AutoCloseable {
  private final Inodes inodes = new Inodes();
  private final InodeAttributes kernel = new InodeAttributes();
  private final FileContent content = new FileContent();
  private final Attributes attributes = new Attributes(inodes, kernel);
  private final LayerStack below;
  private final Fd root;
  private final LayerDirectories directories;
  private final Map<String, UnixTime> times = new LinkedHashMap<>();
  private final Map<String, String> moved = new LinkedHashMap<>();

  /**
   * Prepares to complete a layer.
   *
   * @param layer its directory, which nobody else writes to
   * @param below directories of the layers below, the highest first
   */
  public SidecarMerge(Path layer, List<Path> below) {
    this.below = new LayerStack(below);
    this.root = inodes.openDirectory(layer);
    this.directories = new LayerDirectories(root, inodes, kernel);
  }

  /**
   * Completes a layer on a platform thread of its own and waits for it.
   *
   * @throws BerthException as {@link #merge}
   */
  public static void run(Path layer, List<Path> below, Sidecar sidecar) {
    PlatformTask.run(
        "layer-merge",
        () -> {
          try (var merge = new SidecarMerge(layer, below)) {
            merge.merge(sidecar);
          }
        });
  }

  /**
   * Completes the layer.
   *
   * @throws BerthException INVALID_ARGUMENT naming the path that no layer can make sense of
   */
  public void merge(Sidecar sidecar) {
    mergeDirectories(sidecar.implicitDirectories());
    for (Sidecar.PendingLink link : sidecar.links()) {
      try {
        resolve(link);
      } catch (BerthException e) {
        throw e.during("hard link \"" + ByteNames.readable(link.path()) + "\"");
      }
    }
    mergeDirectories(directories.implicit()); // made on the way, for files copied up
    times.forEach((path, modified) ->
        directories.find(path).ifPresent(d -> kernel.changeTime(d.fd(), path, modified)));
  }

  private void mergeDirectories(List<String> implicit) {
    for (String described : implicit) {
      String path = real(described);
      List<String> components = ByteNames.components(path);
      Optional<InodeStatus> lower = below.at(components, Node::status);
      if (lower.isEmpty()) {
        keepTime(path); // new here: stays as it was made
      } else if (lower.get().isDirectory()) {
        below.at(components, node -> copyLooks(node, path));
      } else if (lower.get().isSymbolicLink()) {
        relocate(path, components);
      } else {
        throw new BerthException(
            INVALID_ARGUMENT,
            "\""
                + ByteNames.readable(path)
                + "\" has entries below it but is a file in a lower layer");
      }
    }
  }

  private boolean copyLooks(Node lower, String path) {
    Directory directory = directories.require(path);
    try (Fd from = inodes.openDirectory(lower.directory(), lower.name())) {
      attributes.copy(from, directory.fd(), path);
    }
    times.put(path, lower.status().modified());
    return true;
  }

  /** Moves what an implicit directory holds to where the lower layers' link leads. */
  private void relocate(String path, List<String> components) {
    String target = ByteNames.join(below.follow(components, true));
    if (target.isEmpty() || target.equals(path) || target.startsWith(path + "/")) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "\"" + ByteNames.readable(path) + "\" is a symbolic link to itself or the root below");
    }
    make(target);
    moveChildren(path, target);
    removeDirectory(path);
    moved.put(path, target);
  }

  private void moveChildren(String from, String to) {
    keepTime(to);
    if (attributes.isOpaque(directories.require(from).fd())) {
      attributes.makeOpaque(directories.require(to).fd());
      dropWhiteouts(to); // as the unpacker does, and for its reason
    }
    for (String name : inodes.list(directories.require(from).fd())) {
      Directory source = directories.require(from);
      Directory target = directories.require(to);
      if (isDirectory(source, name) && isDirectory(target, name)) {
        moveChildren(source.child(name), target.child(name));
        removeDirectory(source.child(name));
      } else {
        if (inodes.status(target.fd(), name).isPresent()) {
          inodes.remove(target.fd(), name);
        }
        requireShort(source, name, target.child(name));
        inodes.rename(source.fd(), name, target.fd(), name);
        directories.forget(source.child(name));
      }
    }
  }

  private void dropWhiteouts(String top) {
    Deque<String> left = new ArrayDeque<>(List.of(top));
    while (!left.isEmpty()) {
      Directory directory = directories.require(left.pop());
      UnixTime modified = inodes.status(directory.fd()).modified();
      for (String name : inodes.list(directory.fd())) {
        InodeStatus status = inodes.status(directory.fd(), name).orElseThrow();
        if (status.isWhiteout()) {
          inodes.remove(directory.fd(), name);
        } else if (status.isDirectory()) {
          left.push(directory.child(name));
        }
      }
      kernel.changeTime(directory.fd(), directory.path(), modified);
    }
  }

  /** What is below a name must not get paths there that are longer than the kernel takes. */
  private void requireShort(Directory parent, String name, String place) {
    Deque<String> left = new ArrayDeque<>();
    if (isDirectory(parent, name)) {
      left.push(name);
    }
    while (!left.isEmpty()) {
      String path = left.pop();
      try (Fd fd = inodes.openBelow(parent.fd(), path)) {
        var moved = new Directory(place + path.substring(name.length()), fd);
        for (String child : inodes.list(fd)) {
          String _ = moved.child(child);
          if (isDirectory(moved, child)) {
            left.push(path + "/" + child);
          }
        }
      }
    }
  }

  private boolean isDirectory(Directory parent, String name) {
    return inodes.status(parent.fd(), name).map(InodeStatus::isDirectory).orElse(false);
  }

  private void removeDirectory(String path) {
    LayerPath parsed = LayerPath.parse(path);
    Directory parent = directories.require(parsed.parent());
    keepTime(parent.path());
    directories.forget(path);
    times.remove(path);
    inodes.remove(directories.require(parsed.parent()).fd(), parsed.name());
  }

  /** Returns where a path is now, after what was moved. */
  private String real(String path) {
    for (Map.Entry<String, String> move : moved.entrySet()) {
      if (path.equals(move.getKey()) || path.startsWith(move.getKey() + "/")) {
        return real(move.getValue() + path.substring(move.getKey().length()));
      }
    }
    return path;
  }

  /** Opens a directory that is about to change, making what is missing of it. */
  private Directory make(String path) {
    List<String> existing = new ArrayList<>(ByteNames.components(path));
    while (directories.find(ByteNames.join(existing)).isEmpty()) {
      existing.removeLast();
    }
    keepTime(directories.require(ByteNames.join(existing)).path());
    return directories.require(path);
  }

  /** Notes the time of a directory that is about to change, unless it was noted before. */
  private void keepTime(String path) {
    if (!times.containsKey(path)) {
      times.put(path, inodes.status(directories.require(path).fd()).modified());
    }
  }

  private void resolve(Sidecar.PendingLink link) {
    List<String> target = below.follow(ByteNames.components(real(link.target())), false);
    LayerPath path = LayerPath.parse(real(link.path()));
    Optional<InodeStatus> here = presentHere(target);
    if (here.map(InodeStatus::isWhiteout).orElse(false)) {
      copyUp(target, path); // this layer removes the target's own name
      return;
    }
    if (here.isEmpty()) {
      copyUp(target, new LayerPath(target));
    }
    if (!path.components().equals(target)) {
      linkHere(target, path);
    }
  }

  private Optional<InodeStatus> presentHere(List<String> target) {
    return directories
        .find(ByteNames.join(target.subList(0, target.size() - 1)))
        .flatMap(parent -> inodes.status(parent.fd(), target.getLast()));
  }

  private void linkHere(List<String> target, LayerPath path) {
    String holder = ByteNames.join(target.subList(0, target.size() - 1));
    keepTime(directories.require(path.parent()).path());
    Fd from = directories.require(holder).fd();
    Fd to = directories.require(path.parent()).fd();
    LayerDirectories.requireMade(path.name(), inodes.link(from, target.getLast(), to, path.name()));
  }

  private void copyUp(List<String> target, LayerPath place) {
    Optional<Boolean> copied = below.at(target, node -> copy(node, place));
    if (copied.isEmpty()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "neither this layer nor those below have its target \""
              + ByteNames.readable(ByteNames.join(target))
              + "\"");
    }
  }

  private boolean copy(Node node, LayerPath place) {
    Directory parent = make(place.parent());
    String name = place.name();
    switch (node.status().type()) {
      case InodeStatus.REGULAR -> copyFile(node, parent, name);
      case InodeStatus.SYMBOLIC_LINK -> {
        String target = inodes.readLink(node.directory(), node.name());
        LayerDirectories.requireMade(name, inodes.makeSymbolicLink(parent.fd(), name, target));
        copyOwnerAndTime(node, parent, name);
      }
      case InodeStatus.DIRECTORY ->
          throw new BerthException(INVALID_ARGUMENT, "its target is a directory");
      default -> {
        LayerDirectories.requireMade(
            name, inodes.makeNode(parent.fd(), name, node.status().type(), node.status().device()));
        kernel.changeModeOfNode(parent.fd(), name, node.status().permissions());
        copyOwnerAndTime(node, parent, name);
      }
    }
    return true;
  }

  private void copyOwnerAndTime(Node node, Directory parent, String name) {
    kernel.changeOwnerOf(parent.fd(), name, node.status().uid(), node.status().gid());
    kernel.changeTimeOf(parent.fd(), name, node.status().modified());
  }

  private void copyFile(Node node, Directory parent, String name) {
    byte[] chunk = new byte[FileContent.CHUNK_BYTES];
    Optional<Fd> made = inodes.createFile(parent.fd(), name);
    LayerDirectories.requireMade(name, made.isPresent());
    try (Fd to = made.orElseThrow();
        Fd from = inodes.openFile(node.directory(), node.name())) {
      for (int n = content.read(from, name, chunk); n > 0; n = content.read(from, name, chunk)) {
        content.write(to, name, chunk, n);
      }
      attributes.copy(from, to, name);
      kernel.changeTime(to, name, node.status().modified());
    }
  }

  /** Closes all descriptors. Idempotent. */
  @Override
  public void close() {
    directories.close();
    root.close();
    below.close();
    inodes.close();
    kernel.close();
    content.close();
  }
}
