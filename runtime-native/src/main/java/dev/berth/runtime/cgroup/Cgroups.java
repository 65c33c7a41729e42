package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.kernel.ControlTree;
import dev.berth.runtime.systemd.Systemd;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The cgroup hierarchies of the host.
 *
 * <p>Detected once: a host does not change them while it runs. Where v1 controllers are mounted,
 * they are used, and a v2 hierarchy beside them (systemd's {@code hybrid} layout) only to be where
 * systemd looks for the processes of a scope, also when it has controllers that v1 lacks.
 * Thread-safe; lives as long as the process.
 */
public final class Cgroups {
  /** The two interfaces of the kernel. */
  public enum Version {
    V1,
    V2
  }

  private sealed interface Layout {
    /**
     * @param beside the v2 hierarchy by which systemd follows its units, if there is one
     */
    record V1(List<V1Hierarchy> hierarchies, Optional<V1Hierarchy> beside) implements Layout {
      List<V1Hierarchy> withBeside() {
        return Stream.concat(hierarchies.stream(), beside.stream()).toList();
      }
    }

    record V2(V2Hierarchy hierarchy) implements Layout {}
  }

  private final Layout layout;

  private Cgroups(Layout layout) {
    this.layout = layout;
  }

  /**
   * Looks at the mounts of this process.
   *
   * @throws BerthException FAILED_PRECONDITION if no cgroup file system is mounted
   */
  public static Cgroups detect() {
    try {
      return of(
          MountInfo.parse(
              Files.readString(Path.of("/proc/self/mountinfo")),
              controllers(Files.readString(Path.of("/proc/cgroups")))));
    } catch (IOException e) {
      throw new UncheckedIOException("cannot read the cgroup mounts", e);
    }
  }

  /** Reads the first column of /proc/cgroups. */
  static Set<String> controllers(String procCgroups) {
    return procCgroups
        .lines()
        .filter(line -> !line.startsWith("#"))
        .map(line -> line.split("\t", 2)[0])
        .collect(Collectors.toUnmodifiableSet());
  }

  private static Cgroups of(List<MountInfo> mounts) {
    List<MountInfo> v1 = v1(mounts);
    if (!v1.isEmpty()) {
      return new Cgroups(
          new Layout.V1(
              v1.stream().map(V1Hierarchy::open).toList(),
              mounts.stream().filter(MountInfo::unified).findFirst().map(V1Hierarchy::open)));
    }
    return mounts.stream()
        .filter(MountInfo::unified)
        .findFirst()
        .map(Cgroups::v2)
        .orElseThrow(() ->
            new BerthException(
                Kind.FAILED_PRECONDITION, "no cgroup file system is mounted on this host"));
  }

  /**
   * Returns one mount of each v1 hierarchy, or none if no v1 controller is mounted: a lone {@code
   * name=systemd} beside v2 is there for old programs only.
   */
  static List<MountInfo> v1(List<MountInfo> mounts) {
    List<MountInfo> found = new ArrayList<>();
    Set<Set<String>> seen = new HashSet<>();
    for (MountInfo mount : mounts) {
      if (!mount.unified() && seen.add(mount.hierarchy())) {
        found.add(mount);
      }
    }
    boolean controlled =
        found.stream()
            .flatMap(mount -> mount.hierarchy().stream())
            .anyMatch(name -> !name.startsWith("name="));
    return controlled ? found : List.of();
  }

  private static Cgroups v2(MountInfo mount) {
    return v2(mount.mountPoint(), mount.root());
  }

  /** Uses a directory of a v2 hierarchy as if it were the hierarchy's root. */
  static Cgroups v2(Path directory, String root) {
    return new Cgroups(new Layout.V2(new V2Hierarchy(ControlTree.open(directory), root)));
  }

  public Version version() {
    return switch (layout) {
      case Layout.V1 _ -> Version.V1;
      case Layout.V2 _ -> Version.V2;
    };
  }

  /** Returns the controllers of the host, such as {@code memory}. */
  public Set<String> controllers() {
    return switch (layout) {
      case Layout.V1(var hierarchies, var _) ->
          hierarchies.stream()
              .flatMap(hierarchy -> hierarchy.controllers().stream())
              .collect(Collectors.toUnmodifiableSet());
      case Layout.V2(var hierarchy) -> hierarchy.controllers();
    };
  }

  /** Names a group, which need not be there and which Berth makes itself. */
  public Cgroup at(CgroupPath path) {
    return directory(path);
  }

  /**
   * Names the group of a {@code linux.cgroupsPath}, which need not be there. The form decides who
   * makes it: systemd if it is {@code slice:prefix:name}, else Berth itself.
   *
   * @throws BerthException INVALID_ARGUMENT as {@link CgroupPath#parse}
   */
  public Cgroup named(String cgroupsPath) {
    if (!Scope.isNamedBy(cgroupsPath)) {
      return directory(CgroupPath.parse(cgroupsPath));
    }
    Scope scope = Scope.parse(cgroupsPath);
    return new ScopeCgroup(scope, everywhere(scope.path()), Systemd.ofHost());
  }

  private DirectoryCgroup everywhere(CgroupPath path) {
    return layout instanceof Layout.V1 v1 ? new V1Cgroup(path, v1.withBeside()) : directory(path);
  }

  private DirectoryCgroup directory(CgroupPath path) {
    return switch (layout) {
      case Layout.V1(var hierarchies, var _) -> new V1Cgroup(path, hierarchies);
      case Layout.V2(var hierarchy) -> new V2Cgroup(path, hierarchy);
    };
  }
}
