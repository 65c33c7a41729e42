package dev.berth.runtime.kernel;

import java.nio.file.Path;

/**
 * How much room a file system has, by statfs(2).
 *
 * @param totalBytes its size
 * @param inodes how many it can have; 0 where it makes them as it needs them
 * @param freeInodes how many of these are free
 */
public record FileSystemSpace(long totalBytes, long inodes, long freeInodes) {
  // struct statfs of asm-generic/statfs.h
  private static final int SIZE = 120;
  private static final int BLOCKS = 16;
  private static final int FILES = 40;
  private static final int FREE_FILES = 48;
  private static final int FRAGMENT_SIZE = 72;

  /**
   * Asks the file system that a path is on, one that only the host can write to.
   *
   * @throws NativeException with the errno, ENOENT if there is no such path
   */
  public static FileSystemSpace of(Path path) {
    try (var name = NativeMemory.string(path.toString());
        var statfs = NativeMemory.allocate(SIZE)) {
      Syscalls.check("statfs", path, name.address(), statfs.address());
      return new FileSystemSpace(
          statfs.getLong(BLOCKS) * statfs.getLong(FRAGMENT_SIZE),
          statfs.getLong(FILES),
          statfs.getLong(FREE_FILES));
    }
  }
}
