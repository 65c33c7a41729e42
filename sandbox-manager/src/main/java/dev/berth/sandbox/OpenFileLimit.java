package dev.berth.sandbox;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** How many files a process may have open. */
final class OpenFileLimit {
  private static final String NAME = "Max open files";

  /** More than this is of no use to anyone here. */
  private static final int MOST = 65_536;

  private OpenFileLimit() {}

  /**
   * Returns the soft limit of a process, empty if it has none; see proc_pid_limits(5).
   *
   * @param pid or {@code self}
   * @throws IOException if there is no such process
   */
  static OptionalLong of(String pid) throws IOException {
    return Files.readAllLines(Path.of("/proc", pid, "limits")).stream()
        .filter(line -> line.startsWith(NAME))
        .map(line -> line.substring(NAME.length()).strip().split(" +", 2)[0])
        .filter(soft -> !soft.equals("unlimited"))
        .mapToLong(Long::parseLong)
        .findFirst();
  }

  /** Returns one part of so many of this process's own. */
  static int share(int parts) {
    try {
      return (int) Math.min(MOST, of("self").orElse(MOST)) / parts;
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, "cannot read the limits of this process", e);
    }
  }
}
