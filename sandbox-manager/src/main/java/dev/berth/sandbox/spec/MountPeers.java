package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;

/** Knows from /proc/self/mountinfo which mounts of the host spread events. See proc(5). */
final class MountPeers {
  private static final int MOUNT_POINT = 4;
  private static final int FIRST_OPTIONAL = 6;

  private MountPeers() {}

  /** A mount and its optional fields, such as {@code shared:7}. */
  record Entry(Path point, List<String> optional) {
    static Entry parse(String line) {
      List<String> fields = List.of(line.split(" ", -1));
      int separator = fields.indexOf("-");
      return new Entry(
          Path.of(unescape(fields.get(MOUNT_POINT))), fields.subList(FIRST_OPTIONAL, separator));
    }

    boolean has(String tag) {
      return optional.stream().anyMatch(field -> field.startsWith(tag + ":"));
    }

    /** Blanks and the like are written as three octal digits. */
    private static String unescape(String text) {
      return text.replace("\\040", " ")
          .replace("\\011", "\t")
          .replace("\\012", "\n")
          .replace("\\134", "\\");
    }
  }

  /**
   * Checks that the mount a path lies on can take part in a propagation.
   *
   * @throws BerthException INVALID_ARGUMENT naming field and mount
   */
  static void require(String field, Path source, BoundMount.Propagation propagation) {
    Entry mount = mountOf(source, mounts());
    boolean possible =
        mount.has("shared")
            || (propagation == BoundMount.Propagation.HOST_TO_CONTAINER && mount.has("master"));
    if (!possible) {
      throw new BerthException(
          INVALID_ARGUMENT,
          field
              + ": host_path "
              + source
              + " lies on "
              + mount.point()
              + ", which is not a "
              + (propagation == BoundMount.Propagation.BIDIRECTIONAL ? "shared" : "shared or slave")
              + " mount");
    }
  }

  /** The last one wins: it was mounted over those before. */
  static Entry mountOf(Path source, List<Entry> mounts) {
    return mounts.reversed().stream()
        .filter(mount -> source.startsWith(mount.point()))
        .max(Comparator.comparingInt(mount -> mount.point().getNameCount()))
        .orElseThrow(() -> new BerthException(INTERNAL, "no mount holds " + source));
  }

  private static List<Entry> mounts() {
    try {
      return Files.readAllLines(Path.of("/proc/self/mountinfo")).stream()
          .map(Entry::parse)
          .toList();
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot read /proc/self/mountinfo: " + e, e);
    }
  }
}
