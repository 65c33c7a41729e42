package dev.berth.sandbox.spec;

import dev.berth.runtime.spec.Mount;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Writes the mounts: the file systems every container has, the sandbox's files, then what CRI asks
 * for, parents before children.
 *
 * <p>A mount of CRI takes the place of a default one at the same path; one on /dev takes the place
 * of all that is below /dev as well.
 */
final class MountsPart implements SpecAdjuster {
  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    List<Mount> mounts = new ArrayList<>(fileSystems(input));
    mounts.addAll(podFiles(input));
    mounts.removeIf(mount -> isReplaced(mount, input.mounts()));
    input.mounts().stream()
        .sorted(Comparator.comparingInt(MountsPart::depth))
        .map(MountsPart::bind)
        .forEach(mounts::add);
    RuntimeSpec mounted = spec.toBuilder().mounts(mounts).build();
    String propagation = rootPropagation(input.mounts());
    return SpecParts.linux(mounted, linux -> linux.rootfsPropagation(propagation));
  }

  private static List<Mount> fileSystems(SpecInput input) {
    String access = input.isPrivileged() ? "rw" : "ro";
    return List.of(
        new Mount("/proc", "proc", "proc", List.of("nosuid", "noexec", "nodev")),
        new Mount(
            "/dev", "tmpfs", "tmpfs", List.of("nosuid", "strictatime", "mode=755", "size=65536k")),
        new Mount(
            "/dev/pts",
            "devpts",
            "devpts",
            List.of("nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620", "gid=5")),
        new Mount("/dev/mqueue", "mqueue", "mqueue", List.of("nosuid", "noexec", "nodev")),
        sys(input, access),
        new Mount(
            "/sys/fs/cgroup",
            "cgroup",
            "cgroup",
            List.of("nosuid", "noexec", "nodev", "relatime", access)));
  }

  /**
   * A new sysfs shows the network namespace of whoever mounts it, who must own that: not so a user
   * namespace on the host's network.
   */
  private static Mount sys(SpecInput input, String access) {
    boolean foreign = !input.pod().ids().isEmpty() && input.pod().namespace("network").isEmpty();
    return foreign
        ? new Mount(
            "/sys",
            "bind",
            "/sys",
            List.of("rbind", "rprivate", "nosuid", "noexec", "nodev", "rro"))
        : new Mount("/sys", "sysfs", "sysfs", List.of("nosuid", "noexec", "nodev", access));
  }

  private static List<Mount> podFiles(SpecInput input) {
    PodResources pod = input.pod();
    String access = input.security().getReadonlyRootfs() ? "ro" : "rw";
    return List.of(
        new Mount("/dev/shm", "bind", pod.shm().toString(), List.of("rbind", "rprivate", "rw")),
        file("/etc/hosts", pod.hosts().toString(), access),
        file("/etc/resolv.conf", pod.resolvConf().toString(), access),
        file("/etc/hostname", pod.hostnameFile().toString(), access));
  }

  private static Mount file(String destination, String source, String access) {
    return new Mount(destination, "bind", source, List.of("rbind", "rprivate", access));
  }

  private static Mount bind(BoundMount mount) {
    return new Mount(
        mount.destination(),
        "bind",
        mount.source().toString(),
        List.of("rbind", mount.propagation().option(), mount.access().option()),
        mount.ids().uids(),
        mount.ids().gids());
  }

  private static boolean isReplaced(Mount mount, List<BoundMount> wanted) {
    return wanted.stream()
        .map(BoundMount::destination)
        .anyMatch(path ->
            path.equals(mount.destination())
                || (path.equals("/dev") && mount.destination().startsWith("/dev/")));
  }

  private static int depth(BoundMount mount) {
    return (int) mount.destination().chars().filter(c -> c == '/').count();
  }

  /** A mount can only take part in as much propagation as the root it hangs from. */
  private static @Nullable String rootPropagation(List<BoundMount> mounts) {
    return mounts.stream()
        .map(BoundMount::propagation)
        .max(Comparator.naturalOrder())
        .filter(most -> most != BoundMount.Propagation.PRIVATE)
        .map(BoundMount.Propagation::option)
        .orElse(null);
  }
}
