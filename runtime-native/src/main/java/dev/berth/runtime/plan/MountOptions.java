package dev.berth.runtime.plan;

import static dev.berth.runtime.plan.Uapi.MOUNT_ATTR_ATIME_MASK;
import static dev.berth.runtime.plan.Uapi.MOUNT_ATTR_NOATIME;
import static dev.berth.runtime.plan.Uapi.MOUNT_ATTR_NODEV;
import static dev.berth.runtime.plan.Uapi.MOUNT_ATTR_NODIRATIME;
import static dev.berth.runtime.plan.Uapi.MOUNT_ATTR_NOEXEC;
import static dev.berth.runtime.plan.Uapi.MOUNT_ATTR_NOSUID;
import static dev.berth.runtime.plan.Uapi.MOUNT_ATTR_NOSYMFOLLOW;
import static dev.berth.runtime.plan.Uapi.MOUNT_ATTR_RDONLY;
import static dev.berth.runtime.plan.Uapi.MOUNT_ATTR_STRICTATIME;

import dev.berth.base.BerthException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.SortedSet;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The options of a mount, sorted by what the kernel does with them: attributes of the mount itself
 * (set and cleared, for this mount or the whole tree), propagation, and what the file system reads.
 *
 * <p>The names are those of the runtime-spec, config-linux "mount options".
 *
 * @param attributes of this mount only
 * @param treeAttributes of the mount and all below it (the {@code r...} options)
 * @param propagation MS_SHARED, MS_SLAVE, MS_PRIVATE or MS_UNBINDABLE, with whether it is recursive
 * @param data {@code key=value} or {@code key} for the file system
 */
record MountOptions(
    boolean bind,
    boolean recursiveBind,
    Attributes attributes,
    Attributes treeAttributes,
    List<Propagation> propagation,
    List<String> data) {

  /** Bits of struct mount_attr. */
  record Attributes(long set, long clear) {
    static final Attributes NONE = new Attributes(0, 0);

    boolean isEmpty() {
      return set == 0 && clear == 0;
    }

    boolean readonly() {
      return (set & MOUNT_ATTR_RDONLY) != 0;
    }

    /** Both, where nothing is below the mount yet that only one of them is about. */
    Attributes and(Attributes later) {
      return new Attributes((set & ~later.clear) | later.set, clear | later.clear);
    }

    Attributes without(long bits) {
      return new Attributes(set & ~bits, clear & ~bits);
    }

    private Attributes with(Flag flag) {
      long cleared = clear | flag.clear();
      return new Attributes((set & ~flag.clear()) | flag.set(), cleared);
    }
  }

  record Propagation(String name, long flag, boolean recursive) {}

  /** What the host mounts shows, what is mounted here does not show there. */
  static final Propagation SLAVES = new Propagation("rslave", Uapi.MS_SLAVE, true);

  private record Flag(long set, long clear) {}

  private static Flag sets(long bit) {
    return new Flag(bit, 0);
  }

  private static Flag clears(long bit) {
    return new Flag(0, bit);
  }

  private static Flag atime(long mode) {
    return new Flag(mode, MOUNT_ATTR_ATIME_MASK);
  }

  private static final Map<String, Flag> ATTRIBUTES =
      Map.ofEntries(
          Map.entry("ro", sets(MOUNT_ATTR_RDONLY)),
          Map.entry("rw", clears(MOUNT_ATTR_RDONLY)),
          Map.entry("nosuid", sets(MOUNT_ATTR_NOSUID)),
          Map.entry("suid", clears(MOUNT_ATTR_NOSUID)),
          Map.entry("nodev", sets(MOUNT_ATTR_NODEV)),
          Map.entry("dev", clears(MOUNT_ATTR_NODEV)),
          Map.entry("noexec", sets(MOUNT_ATTR_NOEXEC)),
          Map.entry("exec", clears(MOUNT_ATTR_NOEXEC)),
          Map.entry("noatime", atime(MOUNT_ATTR_NOATIME)),
          Map.entry("atime", atime(0)),
          Map.entry("relatime", atime(0)),
          Map.entry("norelatime", atime(MOUNT_ATTR_STRICTATIME)),
          Map.entry("strictatime", atime(MOUNT_ATTR_STRICTATIME)),
          Map.entry("nostrictatime", atime(0)),
          Map.entry("nodiratime", sets(MOUNT_ATTR_NODIRATIME)),
          Map.entry("diratime", clears(MOUNT_ATTR_NODIRATIME)),
          Map.entry("nosymfollow", sets(MOUNT_ATTR_NOSYMFOLLOW)),
          Map.entry("symfollow", clears(MOUNT_ATTR_NOSYMFOLLOW)));

  private static final Map<String, Long> PROPAGATION =
      Map.of(
          "shared", Uapi.MS_SHARED,
          "slave", Uapi.MS_SLAVE,
          "private", Uapi.MS_PRIVATE,
          "unbindable", Uapi.MS_UNBINDABLE);

  /** Asked for by name in the spec, but the new mount API has nothing to do for them. */
  private static final Set<String> NO_EFFECT =
      Set.of("defaults", "async", "loud", "nomand", "noiversion");

  /** Read by {@link MappedMounts}. */
  private static final Set<String> ID_MAPPED = Set.of("idmap", "ridmap");

  /** Done by whoever mounts, see {@link MountSteps#copiesUp}. */
  private static final String COPY_UP = "tmpcopyup";

  private static final Set<String> NOT_SUPPORTED = Set.of("remount");

  /**
   * Sorts the options of one mount.
   *
   * @param field where they stand, for errors: {@code mounts[3] /data}
   * @throws BerthException INVALID_ARGUMENT for an option a bind mount cannot have, UNIMPLEMENTED
   *     for one that Berth does not do
   */
  static MountOptions parse(String field, List<String> options, boolean isBindType) {
    Attributes own = Attributes.NONE;
    Attributes tree = Attributes.NONE;
    List<Propagation> propagation = new ArrayList<>();
    List<String> data = new ArrayList<>();
    boolean bind = isBindType;
    boolean recursive = false;
    for (String option : options) {
      Flag flag = ATTRIBUTES.get(option);
      Flag treeFlag = option.startsWith("r") ? ATTRIBUTES.get(option.substring(1)) : null;
      Propagation found = propagation(option);
      if (NOT_SUPPORTED.contains(option)) {
        throw new BerthException(
            BerthException.Kind.UNIMPLEMENTED, field + ": option " + option + " is not supported");
      } else if (flag != null) {
        own = own.with(flag);
      } else if (treeFlag != null) {
        tree = tree.with(treeFlag);
      } else if (found != null) {
        propagation.add(found);
      } else if (option.equals("bind") || option.equals("rbind")) {
        bind = true;
        recursive |= option.equals("rbind");
      } else if (!NO_EFFECT.contains(option)
          && !ID_MAPPED.contains(option)
          && !option.equals(COPY_UP)) {
        data.add(option);
      }
    }
    if (bind && !data.isEmpty()) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          field + ": a bind mount has no option \"" + data.getFirst() + "\"");
    }
    return new MountOptions(bind, recursive, own, tree, propagation, data);
  }

  /** All options with a meaning of their own; others are for the file system to know. */
  static SortedSet<String> names() {
    SortedSet<String> names = new TreeSet<>(List.of("bind", "rbind"));
    ATTRIBUTES.keySet().forEach(name -> names.addAll(List.of(name, "r" + name)));
    PROPAGATION.keySet().forEach(name -> names.addAll(List.of(name, "r" + name)));
    names.addAll(NO_EFFECT);
    names.addAll(ID_MAPPED);
    names.add(COPY_UP);
    return names;
  }

  private static @Nullable Propagation propagation(String option) {
    Long flag = PROPAGATION.get(option);
    if (flag != null) {
      return new Propagation(option, flag, false);
    }
    Long recursive = option.startsWith("r") ? PROPAGATION.get(option.substring(1)) : null;
    return recursive == null ? null : new Propagation(option, recursive, true);
  }

  /** The propagation that linux.rootfsPropagation names; rslave where it is silent. */
  static Propagation rootPropagation(@Nullable String name) {
    Propagation found = propagation(name == null ? "rslave" : name);
    if (found == null) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "linux.rootfsPropagation: \"" + name + "\" is not a propagation");
    }
    return found;
  }
}
