package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.OpenFlag;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
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
  static final int ACTIVE_OFFSET = 8;
  static final int INODE_OFFSET = 32;
  static final int SLOT_OFFSET = 40;
  static final int SLOT_BYTES = 32;
  static final int SLOT_LOG_SIZE = 16;

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
   */
  static Fd openForSuccessor(Path log, Path journal) {
    return recordedFile(log, journal)
        .map(file -> Descriptors.open(file, OpenFlag.WRITE, OpenFlag.NO_FOLLOW))
        .orElseGet(() -> open(log));
  }

  private static Optional<Path> recordedFile(Path log, Path journal) {
    try {
      ByteBuffer state =
          ByteBuffer.wrap(Files.readAllBytes(journal)).order(ByteOrder.LITTLE_ENDIAN);
      Path parent = log.toAbsolutePath().getParent();
      if (state.getInt(0) != JOURNAL_MAGIC || parent == null) {
        return Optional.empty();
      }
      return findInode(parent, log.getFileName().toString(), state.getLong(INODE_OFFSET));
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, "cannot look for the log of " + journal + ": " + e, e);
    }
  }

  /** Kubelet renames N.log to N.log.TIMESTAMP, so the file's own name is the beginning of both. */
  private static Optional<Path> findInode(Path parent, String name, long inode) throws IOException {
    try (DirectoryStream<Path> entries =
        Files.newDirectoryStream(
            parent, entry -> entry.getFileName().toString().startsWith(name))) {
      for (Path entry : entries) {
        Object found =
            Files.getAttribute(entry, "unix:ino", java.nio.file.LinkOption.NOFOLLOW_LINKS);
        if (found.equals(inode)) {
          return Optional.of(entry);
        }
      }
    }
    return Optional.empty();
  }

  /** How many bytes of the log are whole recorded lines; for tests and audits. */
  static long recordedSize(Path journal) throws IOException {
    ByteBuffer state = ByteBuffer.wrap(Files.readAllBytes(journal)).order(ByteOrder.LITTLE_ENDIAN);
    int active = state.getInt(ACTIVE_OFFSET);
    return state.getLong(SLOT_OFFSET + active * SLOT_BYTES + SLOT_LOG_SIZE);
  }
}
