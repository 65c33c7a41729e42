package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.FileStatus;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.OpenFlag;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Optional;

/**
 * Opens container logs.
 *
 * <p>The caller has made sure that the path lies where logs may lie; here only the last component
 * is protected from being a link.
 */
final class LogFiles {
  private static final int MODE = 0640;
  // struct journal in log.h
  static final int JOURNAL_MAGIC = 0x4c4a5242;
  static final int INODE_OFFSET = 32;

  /** A file that is renamed during a scan may be missed by it, but hardly by every one. */
  private static final int SCANS = 5;

  private LogFiles() {}

  /** Opens a log for a stub to write at its end, making it if it is missing. */
  static Fd open(Path log) {
    Path parent = log.toAbsolutePath().getParent();
    if (parent == null) {
      throw new BerthException(BerthException.Kind.INVALID_ARGUMENT, log + ": not a log file");
    }
    try (DirFd directory = DirFd.open(parent)) {
      return directory.createFile(log.getFileName().toString(), MODE, OpenFlag.WRITE);
    }
  }

  /**
   * Opens the log that a killed stub was writing, for its successor.
   *
   * <p>If that file was renamed meanwhile and not yet replaced by ReopenContainerLog, it is the one
   * that the journal speaks of and the writing goes on there, as it would have.
   *
   * @return empty if the log's directory is gone: the container must be followed all the same
   */
  static Optional<Fd> openForSuccessor(Path log, Path journal) {
    try {
      for (int scan = 0; scan < SCANS; scan++) {
        Optional<Fd> recorded = openRecorded(log, journal);
        if (recorded.isPresent()) {
          return recorded;
        }
      }
      return Optional.of(open(log));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, "cannot look for the log of " + journal + ": " + e, e);
    }
  }

  private static Optional<Fd> openRecorded(Path log, Path journal) throws IOException {
    ByteBuffer state = ByteBuffer.wrap(Files.readAllBytes(journal)).order(ByteOrder.LITTLE_ENDIAN);
    Path parent = log.toAbsolutePath().getParent();
    if (state.getInt(0) != JOURNAL_MAGIC || parent == null) {
      return Optional.empty();
    }
    return openInode(parent, log.getFileName().toString(), state.getLong(INODE_OFFSET));
  }

  /** Kubelet renames N.log to N.log.TIMESTAMP, so the file's own name is the beginning of both. */
  private static Optional<Fd> openInode(Path parent, String name, long inode) throws IOException {
    try (DirectoryStream<Path> entries =
        Files.newDirectoryStream(
            parent, entry -> entry.getFileName().toString().startsWith(name))) {
      for (Path entry : entries) {
        Optional<Fd> found = openIfInode(entry, inode);
        if (found.isPresent()) {
          return found;
        }
      }
    }
    return Optional.empty();
  }

  /** Looks at what was opened and not at the name, which may mean another file by then. */
  private static Optional<Fd> openIfInode(Path entry, long inode) {
    try {
      Fd file = Descriptors.open(entry, OpenFlag.WRITE, OpenFlag.NO_FOLLOW, OpenFlag.NON_BLOCKING);
      if (FileStatus.of(file).inode() == inode) {
        return Optional.of(file);
      }
      file.close();
      return Optional.empty();
    } catch (NativeException e) {
      return Optional.empty(); // renamed meanwhile, or nothing that can be written: not the log
    }
  }
}
