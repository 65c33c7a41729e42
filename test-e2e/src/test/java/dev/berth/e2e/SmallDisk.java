package dev.berth.e2e;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/** A file system of a few megabytes that can be filled to the last byte and the last name. */
final class SmallDisk implements AutoCloseable {
  private static final int NAMES = 3000;
  private static final int BLOCK_BYTES = 4096;

  private final Path path;
  private final Path ballast;
  private final int names;

  SmallDisk(Path path, int megabytes) throws IOException {
    this(path, megabytes, NAMES);
  }

  /**
   * Mounts it.
   *
   * @param names how many files and directories it can have
   */
  SmallDisk(Path path, int megabytes, int names) throws IOException {
    this.names = names;
    this.path = Files.createDirectories(path);
    this.ballast = path.resolve("ballast");
    String options = "mode=711,size=" + megabytes + "m,nr_inodes=" + names;
    Command.output("mount", "-t", "tmpfs", "-o", options, "berth-e2e", path.toString());
    Files.createDirectory(ballast);
  }

  Path path() {
    return path;
  }

  /** Leaves room for so many bytes. */
  void leave(long bytes) throws IOException {
    byte[] block = new byte[BLOCK_BYTES];
    try (OutputStream out = Files.newOutputStream(ballast.resolve("bytes"))) {
      while (path.toFile().getUsableSpace() > bytes) {
        out.write(block);
      }
    } catch (IOException e) {
      if (path.toFile().getUsableSpace() > bytes) {
        throw e;
      }
    }
  }

  /** Leaves no room at all, not even for an empty file. */
  void fill() throws IOException {
    leave(0);
    for (int i = 0; i < names; i++) {
      try {
        Files.createFile(ballast.resolve("name-" + i));
      } catch (FileSystemException e) {
        return; // the last name is taken
      }
    }
    throw new AssertionError(path + " is not full");
  }

  void empty() throws IOException {
    try (Stream<Path> files = Files.list(ballast)) {
      for (Path file : files.toList()) {
        Files.delete(file);
      }
    }
  }

  @Override
  public void close() {
    Command.output("umount", path.toString());
  }
}
