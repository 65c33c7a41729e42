package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.spec.Mount;
import java.util.HashSet;
import java.util.List;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * What the options of a mount mean, after config-linux "mount options" and mount(8): flags in the
 * order in which they are given, those of the source below them where it is bound.
 */
record MountExpectation(Mount mount, Set<String> flags, Set<String> innerFlags, boolean allShared) {
  private static final Set<String> PLAIN =
      Set.of("nosuid", "nodev", "noexec", "nodiratime", "nosymfollow");
  private static final Set<String> DEFAULT_TIME = Set.of("atime", "relatime", "nostrictatime");

  static MountExpectation of(Mount mount, @Nullable String rootfsPropagation) {
    boolean bind = mount.isBind();
    Set<String> flags = new TreeSet<>(Set.of("relatime"));
    Set<String> inner = new TreeSet<>(Set.of("relatime", "noexec"));
    if (bind) {
      flags.add("nosuid"); // as its source is mounted
    }
    mount.options().forEach(option -> apply(option, flags));
    for (String option : mount.options()) { // of the whole tree, and so after those of its top
      if (option.startsWith("r") && option.length() > 2 && !DEFAULT_TIME.contains(option)) {
        apply(option.substring(1), flags);
        apply(option.substring(1), inner);
      }
    }
    return new MountExpectation(mount, flags, inner, "rshared".equals(rootfsPropagation));
  }

  private static void apply(String option, Set<String> flags) {
    if (option.equals("ro")) {
      flags.add("ro");
    } else if (option.equals("rw")) {
      flags.remove("ro");
    } else if (PLAIN.contains(option)) {
      flags.add(option);
    } else if (PLAIN.contains("no" + option)) {
      flags.remove("no" + option);
    } else if (option.equals("noatime")) {
      flags.remove("relatime");
      flags.add("noatime");
    } else if (option.equals("strictatime") || option.equals("norelatime")) {
      flags.removeAll(Set.of("relatime", "noatime"));
    } else if (DEFAULT_TIME.contains(option)) {
      flags.remove("noatime");
      flags.add("relatime");
    }
  }

  /** Whether the mount within its source is shown as well. */
  boolean hasInner() {
    return mount.options().contains("rbind") && mount.source().endsWith("directory");
  }

  void check(SpecObserver.SeenMount seen) {
    if (mount.target().startsWith("/sys/fs/cgroup")) {
      return; // a directory of mounts, where its hierarchies are what counts
    }
    String type = mount.isBind() ? "tmpfs" : mount.type();
    assertThat(seen.type()).as(mount.target()).isEqualTo(type);
    assertThat(shown(seen)).as("%s with %s", mount.target(), mount.options()).isEqualTo(flags);
    propagation(seen, false);
    if (!mount.isBind()) {
      for (String option : mount.options()) {
        if (option.startsWith("size=") && !option.endsWith("65536k")) {
          assertThat(List.of(seen.data().split(",", -1))).contains(option);
        }
        if (option.startsWith("mode=")
            && "tmpfs".equals(mount.type())
            && !option.endsWith("1777")) {
          assertThat(seen.data()).contains("mode=" + option.substring(5).replaceAll("^0", ""));
        }
      }
    }
  }

  void checkInner(SpecObserver.SeenMount seen) {
    assertThat(shown(seen)).as("%s/inner", mount.target()).isEqualTo(innerFlags);
    propagation(seen, true);
  }

  private static Set<String> shown(SpecObserver.SeenMount seen) {
    Set<String> flags = new HashSet<>(seen.flags());
    flags.remove("rw");
    return flags;
  }

  private void propagation(SpecObserver.SeenMount seen, boolean inner) {
    List<String> kinds = seen.peers().stream().map(field -> field.replaceAll(":.*", "")).toList();
    if (allShared) { // the root's comes last, and is for all below it
      assertThat(kinds).as(mount.target()).contains("shared");
      return;
    }
    for (String option : mount.options()) {
      String name = inner && option.startsWith("r") ? option.substring(1) : option;
      if (inner && name.equals(option)) {
        continue;
      }
      switch (name) {
        case "private", "rprivate" -> assertThat(kinds).as(mount.target()).isEmpty();
        case "shared", "rshared" -> assertThat(kinds).as(mount.target()).contains("shared");
        case "slave", "rslave" -> assertThat(kinds).as(mount.target()).doesNotContain("shared");
        case "unbindable" -> assertThat(kinds).as(mount.target()).containsExactly("unbindable");
        default -> {
          // not about propagation
        }
      }
    }
  }
}
