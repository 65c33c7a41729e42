package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.AuditSheet;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.CgroupPath;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.cgroup.Slice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.OptionalLong;
import org.jspecify.annotations.Nullable;

/**
 * Where the cgroups of containers go: below the parent that CRI names, which belongs to the
 * kubelet, or below one of the sandbox's own, which is removed with it. Thread-safe.
 */
abstract sealed class CgroupParents permits DirectoryParents, SliceParents {
  static final Path ROOT = Path.of("/sys/fs/cgroup");

  /** How long processes that were killed may take to end. */
  private static final Duration END_LIMIT = Duration.ofSeconds(10);

  /** Looked at when first needed; twice does no harm. */
  private volatile @Nullable Cgroups hierarchies;

  /** Returns those of the configured driver. */
  static CgroupParents of(SandboxSettings settings) {
    return switch (settings.cgroupDriver()) {
      case CGROUPFS -> new DirectoryParents(settings.defaultCgroupParent());
      case SYSTEMD -> new SliceParents(settings.instance(), settings.defaultCgroupParent());
    };
  }

  /**
   * Returns the cgroup of the shim and its stubs, beside the service's own: whoever restarts the
   * service ends all that is in its group.
   */
  static String shimCgroup(SandboxSettings settings) {
    return switch (settings.cgroupDriver()) {
      case CGROUPFS -> "/" + settings.instance() + "-shim";
      case SYSTEMD -> "system.slice:" + settings.instance() + ":shim";
    };
  }

  /**
   * Refuses a parent that the driver cannot make groups in.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field
   */
  abstract void check(String parent);

  /** Returns the cgroup of a container, as the runtime spec writes it. */
  abstract String cgroupOf(SandboxRecord sandbox, String containerId);

  /** Returns the cgroup that all containers of a sandbox are in, as a path in the hierarchies. */
  abstract String podCgroup(SandboxRecord sandbox);

  /**
   * Removes the parent of a sandbox that has its own, with all that is left in it, and the default
   * one when it is empty. Its containers and its pause must be gone.
   *
   * @throws BerthException FAILED_PRECONDITION naming processes that cannot be killed
   */
  abstract void removeDefaultParent(SandboxRecord sandbox);

  /** Is told of a container that is about to run, or was found to. */
  abstract void watch(String cgroup);

  /**
   * Tells whether the kernel killed something in a cgroup for want of memory. Asked once, at the
   * container's exit.
   */
  abstract boolean hasRunOutOfMemory(String cgroup);

  /**
   * Finds the groups of containers and of pods that were made by this instance, or below the
   * parents of its sandboxes, and enters them by their paths in the hierarchies.
   */
  abstract void find(List<SandboxRecord> sandboxes, AuditSheet sheet);

  /** Returns the processes in a cgroup; none if it is gone. */
  final List<Long> processes(String cgroup) {
    return hierarchies().at(CgroupPath.parse(cgroup)).pids();
  }

  /**
   * Kills what is in a cgroup that no shim has, and removes it. Idempotent.
   *
   * @throws BerthException FAILED_PRECONDITION naming processes that do not end
   */
  final void end(String cgroup) {
    Cgroup group = hierarchies().named(cgroup);
    group.kill();
    group.delete(END_LIMIT);
  }

  private Cgroups hierarchies() {
    Cgroups known = hierarchies;
    if (known == null) {
      known = Cgroups.detect();
      hierarchies = known;
    }
    return known;
  }

  static String parentOf(SandboxRecord sandbox) {
    return sandbox.config().getLinux().getCgroupParent();
  }

  static BerthException refuse(String parent, String why) {
    return new BerthException(
        INVALID_ARGUMENT, "linux.cgroup_parent \"" + Ids.printable(parent) + "\" " + why);
  }

  static boolean isSlice(String parent) {
    return parent.endsWith(Slice.SUFFIX);
  }

  static Path below(Path hierarchy, String cgroup) {
    return hierarchy.resolve(CgroupPath.parse(cgroup).relative());
  }

  /**
   * Reads the line {@code oom_kill N} that a file of either version has; empty if it is not there.
   */
  static OptionalLong oomKills(Path file) {
    try {
      return Files.readAllLines(file).stream()
          .filter(line -> line.startsWith("oom_kill "))
          .mapToLong(line -> Long.parseLong(line.substring("oom_kill ".length())))
          .findFirst();
    } catch (IOException e) {
      return OptionalLong.empty(); // this hierarchy does not have the cgroup
    }
  }
}
