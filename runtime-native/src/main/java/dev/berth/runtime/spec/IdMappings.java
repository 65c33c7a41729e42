package dev.berth.runtime.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.util.ArrayList;
import java.util.List;

/**
 * The user and group ids of a user namespace, or of a mount that shows files as such a namespace
 * sees them.
 *
 * @param uids user ids; empty where nothing is mapped
 * @param gids group ids
 */
public record IdMappings(List<IdMapping> uids, List<IdMapping> gids) {
  /** Ids are the host's own. */
  public static final IdMappings NONE = new IdMappings(List.of(), List.of());

  public IdMappings {
    uids = List.copyOf(uids);
    gids = List.copyOf(gids);
  }

  /** Says whether nothing is mapped. */
  public boolean isEmpty() {
    return uids.isEmpty() && gids.isEmpty();
  }

  /**
   * Returns what the host calls a user of the namespace; the id itself without mappings.
   *
   * @throws BerthException INVALID_ARGUMENT if the id is not mapped
   */
  public long hostUid(long uid) {
    return toHost("uid", uids, uid);
  }

  /**
   * Returns what the host calls a group of the namespace; the id itself without mappings.
   *
   * @throws BerthException INVALID_ARGUMENT if the id is not mapped
   */
  public long hostGid(long gid) {
    return toHost("gid", gids, gid);
  }

  private static long toHost(String what, List<IdMapping> mappings, long id) {
    if (mappings.isEmpty()) {
      return id;
    }
    return mappings.stream()
        .filter(map -> id >= map.containerID() && id - map.containerID() < map.size())
        .findFirst()
        .map(map -> map.hostID() + (id - map.containerID()))
        .orElseThrow(
            () -> new BerthException(INVALID_ARGUMENT, what + " " + id + " is not in " + mappings));
  }

  /**
   * Returns the mappings as two mount options, {@code uidmap=0:100000:65536} and {@code gidmap=}:
   * how containerd asks a shim for the layers of a root file system to be id-mapped.
   */
  public List<String> toMountOptions() {
    return List.of(MountOption.UIDMAP + text(uids), MountOption.GIDMAP + text(gids));
  }

  private static String text(List<IdMapping> mappings) {
    List<String> ranges = new ArrayList<>();
    mappings.forEach(map -> ranges.add(map.containerID() + ":" + map.hostID() + ":" + map.size()));
    return String.join(",", ranges);
  }

  /**
   * Reads what {@link #toMountOptions} writes out of a mount's options; {@link #NONE} if they name
   * no mapping.
   *
   * @throws BerthException INVALID_ARGUMENT naming an option that cannot be read, or stands alone
   */
  public static IdMappings ofMountOptions(List<String> options) {
    List<IdMapping> uids = MountOption.read(options, MountOption.UIDMAP);
    List<IdMapping> gids = MountOption.read(options, MountOption.GIDMAP);
    if (uids.isEmpty() != gids.isEmpty()) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "rootfs: of the options uidmap and gidmap there is only "
              + (uids.isEmpty() ? "gidmap" : "uidmap"));
    }
    return new IdMappings(uids, gids);
  }

  /** Says whether a mount option is one of those that {@link #ofMountOptions} reads. */
  public static boolean isMountOption(String option) {
    return option.startsWith(MountOption.UIDMAP) || option.startsWith(MountOption.GIDMAP);
  }

  /** The text form. */
  private static final class MountOption {
    static final String UIDMAP = "uidmap=";
    static final String GIDMAP = "gidmap=";

    private MountOption() {}

    static List<IdMapping> read(List<String> options, String key) {
      List<IdMapping> ranges = new ArrayList<>();
      for (String option : options) {
        if (option.startsWith(key)) {
          for (String range : option.substring(key.length()).split(",", -1)) {
            ranges.add(range(option, range));
          }
        }
      }
      LinuxRules.mappings(Field.of("rootfs").child(key.substring(0, key.length() - 1)), ranges);
      return ranges;
    }

    private static IdMapping range(String option, String text) {
      String[] numbers = text.split(":", -1);
      try {
        if (numbers.length == 3) {
          return new IdMapping(
              Long.parseLong(numbers[0]), Long.parseLong(numbers[1]), Long.parseLong(numbers[2]));
        }
      } catch (NumberFormatException e) {
        throw refused(option, e);
      }
      throw refused(option, null);
    }

    private static BerthException refused(
        String option, @org.jspecify.annotations.Nullable Exception cause) {
      String message = "rootfs: option \"" + option + "\" is not of the form container:host:size";
      return cause == null
          ? new BerthException(INVALID_ARGUMENT, message)
          : new BerthException(INVALID_ARGUMENT, message, cause);
    }
  }
}
