package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.kernel.DirFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.OpenFlag;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.Optional;

/**
 * Where the logs of containers go: below the sandbox's log directory, wherever links lead (R11).
 */
final class LogPaths {
  private static final int MAX_PATH_LENGTH =
      4000; // linux/limits.h PATH_MAX, with room for a suffix
  private static final int MAX_NAME_LENGTH = 240; // NAME_MAX likewise: rotation adds to a name

  private LogPaths() {}

  /**
   * Returns the path of a container's log; empty if either part is, which means no log.
   *
   * @throws BerthException INVALID_ARGUMENT if the path could leave the directory
   */
  static Optional<Path> of(String logDirectory, String logPath) {
    if (logDirectory.isEmpty() || logPath.isEmpty()) {
      return Optional.empty();
    }
    boolean clean =
        !logPath.startsWith("/")
            && logPath.chars().noneMatch(Character::isISOControl)
            && Path.of(logPath).normalize().equals(Path.of(logPath))
            && !Path.of(logPath).startsWith("..");
    if (!clean) {
      throw refused(logPath, "must be relative and without '..'");
    }
    if (logDirectory.length() + logPath.length() > MAX_PATH_LENGTH
        || Arrays.stream(logPath.split("/")).anyMatch(name -> name.length() > MAX_NAME_LENGTH)) {
      throw refused(logPath, "is too long for a path");
    }
    return Optional.of(Path.of(logDirectory).resolve(logPath));
  }

  private static BerthException refused(String logPath, String why) {
    return new BerthException(
        INVALID_ARGUMENT, "log_path \"" + Ids.printable(logPath) + "\" " + why);
  }

  /**
   * Makes the directories of a log that are missing, and sees to it that no symbolic link below the
   * log directory leads elsewhere.
   *
   * @param logPath the part of the log's path that lies below the log directory
   */
  static void prepare(Path log, String logPath) {
    try {
      AtomicFiles.createSharedDirectories(log.resolveSibling(""));
    } catch (IOException e) {
      throw new BerthException(INVALID_ARGUMENT, "log_path " + log + ": " + e, e);
    }
    Path relative = Path.of(logPath);
    Path logDirectory =
        Path.of("/").resolve(log.subpath(0, log.getNameCount() - relative.getNameCount()));
    try (DirFd directory = DirFd.open(logDirectory)) {
      if (Files.exists(log, LinkOption.NOFOLLOW_LINKS)) {
        place(directory, relative).close();
      } else if (relative.getParent() != null) {
        place(directory, relative.getParent()).close();
      }
    } catch (NativeException e) {
      throw new BerthException(
          INVALID_ARGUMENT, "log_path " + log + " leads through a link: " + e.getMessage(), e);
    }
  }

  private static Fd place(DirFd directory, Path relative) {
    return directory.resolve(
        relative.toString(),
        EnumSet.of(DirFd.Resolve.BENEATH, DirFd.Resolve.NO_SYMLINKS),
        OpenFlag.PATH);
  }
}
