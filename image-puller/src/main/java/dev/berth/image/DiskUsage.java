package dev.berth.image;

import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;
import dev.berth.runtime.kernel.NativeException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;

/**
 * Adds up what a tree takes on its disk: whole blocks, so that a hole takes nothing and a byte a
 * block, and an inode with many names once, as du(1) does.
 *
 * <p>A container changes the tree meanwhile, and may mean ill. Each directory is opened below the
 * top one without following a link, and one at a time: no link leads the walk out of the tree, and
 * no depth uses up descriptors. What is deeper than a path can say is not counted. Waits for the
 * disk: for platform threads.
 */
final class DiskUsage {
  /** The unit of st_blocks, whatever the file system's own is. */
  private static final long BLOCK_BYTES = 512;

  /** A path must be shorter, its end included. See path_resolution(7). */
  private static final int MAX_PATH_BYTES = 4096;

  private final Deque<String> directories = new ArrayDeque<>();
  private final Set<Long> manyNamed = new HashSet<>();
  private long bytes;
  private long inodes;

  private DiskUsage() {}

  /**
   * Walks a tree, or looks at a file.
   *
   * @throws NativeException if its top cannot be read
   */
  static DiskUsage of(Path top) {
    var usage = new DiskUsage();
    if (!Files.isDirectory(top, LinkOption.NOFOLLOW_LINKS)) {
      usage.addFile(top);
      return usage;
    }
    try (var files = new Inodes();
        Fd directory = files.openDirectory(top)) {
      usage.add(files.status(directory));
      usage.addAll(files, directory, "");
      while (!usage.directories.isEmpty()) {
        usage.addBelow(files, directory, usage.directories.pop());
      }
    }
    return usage;
  }

  private void addFile(Path file) {
    try (var files = new Inodes();
        Fd directory = files.openDirectory(file.resolveSibling("."))) {
      files.status(directory, ByteNames.of(file.getFileName().toString())).ifPresent(this::add);
    }
  }

  long bytes() {
    return bytes;
  }

  long inodes() {
    return inodes;
  }

  private void addBelow(Inodes files, Fd top, String path) {
    try (Fd directory = files.openBelow(top, path)) {
      addAll(files, directory, path + "/");
    } catch (NativeException e) {
      if (!isChange(e)) {
        throw e;
      }
    }
  }

  /** Whether it only says that the tree has changed meanwhile. */
  private static boolean isChange(NativeException e) {
    return e.is(Errno.ENOENT) || e.is(Errno.ENOTDIR) || e.is(Errno.ELOOP) || e.is(Errno.EXDEV);
  }

  private void addAll(Inodes files, Fd directory, String prefix) {
    for (String name : files.list(directory)) {
      Optional<InodeStatus> status = files.status(directory, name);
      status.ifPresent(this::add);
      boolean reachable = prefix.length() + name.length() < MAX_PATH_BYTES;
      if (reachable && status.isPresent() && status.get().isDirectory()) {
        directories.push(prefix + name);
      }
    }
  }

  private void add(InodeStatus status) {
    boolean hasOneName = status.isDirectory() || status.links() == 1;
    if (hasOneName || manyNamed.add(status.inode())) {
      inodes++;
      bytes += status.blocks() * BLOCK_BYTES;
    }
  }
}
