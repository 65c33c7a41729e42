package dev.berth.sandbox;

import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.OptionalLong;

/**
 * What the processes of a container have open.
 *
 * @param processes how many there are
 * @param fileDescriptors of all of them; empty if there are too many to count
 * @param sockets how many of these are sockets; empty likewise
 * @param openFilesLimit soft limit on open files of the container's first process; empty without a
 *     limit, and if that has ended
 */
public record ProcessFigures(
    long processes,
    OptionalLong fileDescriptors,
    OptionalLong sockets,
    OptionalLong openFilesLimit) {
  private static final String SOCKET = "socket:";

  /**
   * How many descriptors may be looked at in one answer: each takes some 5 microseconds, and one
   * container with a million of them must not hold up all others.
   */
  static final class Budget {
    private int left;

    Budget(int descriptors) {
      this.left = descriptors;
    }

    private boolean take() {
      return left-- > 0;
    }
  }

  /** Looks at processes; those that have ended meanwhile have nothing open. */
  static ProcessFigures of(List<Long> pids, int first, Budget budget) {
    long descriptors = 0;
    long sockets = 0;
    for (long pid : pids) {
      try (DirectoryStream<Path> entries =
          Files.newDirectoryStream(Path.of("/proc", Long.toString(pid), "fd"))) {
        for (Path entry : entries) {
          if (!budget.take()) {
            return new ProcessFigures(
                pids.size(), OptionalLong.empty(), OptionalLong.empty(), openFilesLimit(first));
          }
          descriptors++;
          sockets += isSocket(entry) ? 1 : 0;
        }
      } catch (IOException e) {
        // the process has ended
      }
    }
    return new ProcessFigures(
        pids.size(), OptionalLong.of(descriptors), OptionalLong.of(sockets), openFilesLimit(first));
  }

  private static boolean isSocket(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString().startsWith(SOCKET);
    } catch (IOException e) {
      return false; // closed meanwhile
    }
  }

  private static OptionalLong openFilesLimit(int pid) {
    try {
      return OpenFileLimit.of(Integer.toString(pid));
    } catch (IOException e) {
      return OptionalLong.empty(); // the process has ended
    }
  }
}
