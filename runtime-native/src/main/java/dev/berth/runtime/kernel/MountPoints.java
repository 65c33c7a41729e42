package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;

/** Where something is mounted, as this process sees it: proc_pid_mountinfo(5). */
public final class MountPoints {
  private static final Path MOUNTINFO = Path.of("/proc/self/mountinfo");
  private static final int MOUNT_POINT_FIELD = 4;

  private MountPoints() {}

  /** Returns the mount points below a directory, not the directory itself; once each. */
  public static List<Path> below(Path directory) {
    try {
      return Files.readAllLines(MOUNTINFO).stream()
          .map(line -> Path.of(unescape(line.split(" ", -1)[MOUNT_POINT_FIELD])))
          .filter(point -> point.startsWith(directory) && !point.equals(directory))
          .distinct()
          .toList();
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot read " + MOUNTINFO + ": " + e, e);
    }
  }

  /** Returns where the first file system of a type is mounted. */
  public static Optional<Path> ofType(String type) {
    try {
      return Files.readAllLines(MOUNTINFO).stream()
          .filter(line -> line.contains(" - " + type + " "))
          .map(line -> Path.of(unescape(line.split(" ", -1)[MOUNT_POINT_FIELD])))
          .findFirst();
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot read " + MOUNTINFO + ": " + e, e);
    }
  }

  /**
   * Reads a field of a mountinfo: spaces, tabs, line ends and backslashes are written as three
   * octal digits.
   */
  public static String unescape(String text) {
    StringBuilder out = new StringBuilder();
    for (int i = 0; i < text.length(); i++) {
      if (text.charAt(i) == '\\' && i + 3 < text.length()) {
        out.append((char) Integer.parseInt(text.substring(i + 1, i + 4), 8));
        i += 3;
      } else {
        out.append(text.charAt(i));
      }
    }
    return out.toString();
  }
}
