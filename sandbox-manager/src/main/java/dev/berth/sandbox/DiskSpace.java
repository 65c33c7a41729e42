package dev.berth.sandbox;

import dev.berth.runtime.kernel.FileSystemSpace;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * The file system that writable layers are on.
 *
 * @param device what is mounted, such as {@code /dev/sda1}
 * @param totalBytes its size
 * @param inodes how many it can have; 0 where it makes them as needed
 * @param freeInodes how many of these are free
 */
public record DiskSpace(String device, long totalBytes, long inodes, long freeInodes) {
  /**
   * Asks for the file system that a path is on.
   *
   * @throws dev.berth.base.BerthException if there is no such path
   */
  static DiskSpace of(Path path) throws IOException {
    FileSystemSpace space = FileSystemSpace.of(path);
    return new DiskSpace(
        Files.getFileStore(path).name(), space.totalBytes(), space.inodes(), space.freeInodes());
  }
}
