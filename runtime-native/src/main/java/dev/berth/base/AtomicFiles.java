package dev.berth.base;

import static java.nio.file.StandardCopyOption.ATOMIC_MOVE;
import static java.nio.file.StandardOpenOption.CREATE;
import static java.nio.file.StandardOpenOption.READ;
import static java.nio.file.StandardOpenOption.TRUNCATE_EXISTING;
import static java.nio.file.StandardOpenOption.WRITE;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.Comparator;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Writes files that are either old or new, never torn, and directories with the modes that Berth's
 * state must have (rule R18).
 */
public final class AtomicFiles {
  private static final FileAttribute<Set<PosixFilePermission>> MODE_0600 = mode("rw-------");
  private static final FileAttribute<Set<PosixFilePermission>> MODE_0700 = mode("rwx------");
  private static final Set<PosixFilePermission> MODE_0755 =
      PosixFilePermissions.fromString("rwxr-xr-x");

  private AtomicFiles() {}

  /**
   * Replaces {@code file} by one with this content, mode 0600, durable on return: the data is
   * synced before the rename and the directory after it.
   */
  public static void write(Path file, byte[] content) throws IOException {
    replace(file, content, true);
  }

  /** Like {@link #write}, but without waiting for the disk: for files under a tmpfs. */
  public static void writeVolatile(Path file, byte[] content) throws IOException {
    replace(file, content, false);
  }

  private static void replace(Path file, byte[] content, boolean durable) throws IOException {
    Path temporary = file.resolveSibling("." + file.getFileName() + ".tmp");
    try (var channel =
        FileChannel.open(temporary, Set.of(CREATE, WRITE, TRUNCATE_EXISTING), MODE_0600)) {
      var buffer = ByteBuffer.wrap(content);
      while (buffer.hasRemaining()) {
        channel.write(buffer);
      }
      if (durable) {
        channel.force(true);
      }
    } catch (IOException e) {
      Files.deleteIfExists(temporary);
      throw e;
    }
    Files.move(temporary, file, ATOMIC_MOVE);
    if (durable) {
      Path absolute = file.toAbsolutePath();
      syncDirectory(absolute.resolveSibling("."));
    }
  }

  /** Makes the entries of a directory durable. See fsync(2): a rename needs this too. */
  public static void syncDirectory(Path directory) throws IOException {
    try (var channel = FileChannel.open(directory, READ)) {
      channel.force(true);
    }
  }

  /** Creates a directory of mode 0700 with its parents; an existing one keeps its mode. */
  public static Path createPrivateDirectories(Path directory) throws IOException {
    return Files.createDirectories(directory, MODE_0700);
  }

  /**
   * Creates a directory that all may enter, mode 0755 whatever the umask is, with its parents; an
   * existing one keeps its mode.
   */
  public static void createSharedDirectories(Path directory) throws IOException {
    if (Files.isDirectory(directory)) {
      return;
    }
    Path parent = directory.getParent();
    if (parent != null) {
      createSharedDirectories(parent);
    }
    try {
      Files.createDirectory(directory);
    } catch (FileAlreadyExistsException e) {
      if (Files.isDirectory(directory)) {
        return; // someone else was faster
      }
      throw e;
    }
    Files.setPosixFilePermissions(directory, MODE_0755);
  }

  /**
   * Deletes a tree without following symbolic links; what is already gone is no error.
   *
   * <p>For directories that only Berth writes to. Unmount what is mounted below first: nothing here
   * stops at a mount point.
   */
  public static void deleteTree(Path root) throws IOException {
    try (Stream<Path> tree = Files.walk(root)) {
      for (Path path : tree.sorted(Comparator.reverseOrder()).toList()) {
        Files.deleteIfExists(path);
      }
    } catch (NoSuchFileException e) {
      // already gone: that is what was asked for
    }
  }

  private static FileAttribute<Set<PosixFilePermission>> mode(String text) {
    return PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString(text));
  }
}
