package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;

/**
 * Where the cgroups of containers go: below the parent that CRI names, which belongs to the
 * kubelet, or below one of the sandbox's own, which is removed with it.
 */
final class CgroupParents {
  private static final Path ROOT = Path.of("/sys/fs/cgroup");

  private final String defaultParent;

  /**
   * @param defaultParent absolute path within the hierarchies
   */
  CgroupParents(String defaultParent) {
    this.defaultParent = defaultParent;
  }

  /** Returns the cgroup of a container, as the runtime spec writes it. */
  String cgroupOf(SandboxRecord sandbox, String containerId) {
    String parent = sandbox.config().getLinux().getCgroupParent();
    if (parent.isEmpty()) {
      return ownParent(sandbox) + "/" + containerId;
    }
    Path path = Path.of(parent);
    String last = String.valueOf(path.getFileName());
    return last.endsWith(".slice")
        ? last + ":berth:" + containerId // systemd's form: slice, prefix and name of the scope
        : path.resolve(containerId).toString();
  }

  /** Returns the cgroup that all containers of a sandbox are in, if it is one of their own. */
  String podCgroup(SandboxRecord sandbox) {
    String parent = sandbox.config().getLinux().getCgroupParent();
    return parent.isEmpty() ? ownParent(sandbox) : parent;
  }

  private String ownParent(SandboxRecord sandbox) {
    return defaultParent + "/pod" + sandbox.id();
  }

  /** Removes the parent of a sandbox that has its own, and the default one when it is empty. */
  void removeDefaultParent(SandboxRecord sandbox) {
    if (!sandbox.config().getLinux().getCgroupParent().isEmpty()) {
      return;
    }
    for (Path hierarchy : hierarchies()) {
      removeIfEmpty(below(hierarchy, ownParent(sandbox)));
      removeIfEmpty(below(hierarchy, defaultParent));
    }
  }

  /**
   * Tells whether the kernel killed something in a cgroup for want of memory. Asked at an exit,
   * while the cgroup is still there.
   */
  boolean hasRunOutOfMemory(String cgroup) {
    return cgroup.startsWith("/")
        && (counter(below(ROOT.resolve("memory"), cgroup).resolve("memory.oom_control"))
            || counter(below(ROOT, cgroup).resolve("memory.events")));
  }

  /** Both files of both versions hold a line {@code oom_kill N}. */
  private static boolean counter(Path file) {
    try {
      return Files.readAllLines(file).stream()
          .anyMatch(line -> line.startsWith("oom_kill ") && !line.equals("oom_kill 0"));
    } catch (IOException e) {
      return false; // this hierarchy does not have the cgroup
    }
  }

  private static Path below(Path hierarchy, String cgroup) {
    return hierarchy.resolve(Path.of("/").relativize(Path.of(cgroup)));
  }

  /** The unified hierarchy itself, or those of version 1 beside each other. */
  private static List<Path> hierarchies() {
    List<Path> all = new ArrayList<>();
    if (Files.exists(ROOT.resolve("cgroup.controllers"))) {
      all.add(ROOT);
      return all;
    }
    try (Stream<Path> entries = Files.list(ROOT)) {
      entries.filter(Files::isDirectory).forEach(all::add);
      return all;
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot list " + ROOT + ": " + e, e);
    }
  }

  private static void removeIfEmpty(Path cgroup) {
    try {
      Files.deleteIfExists(cgroup);
    } catch (DirectoryNotEmptyException e) {
      // it has children: another sandbox's
    } catch (FileSystemException e) {
      // EBUSY: processes or children; whoever put them there removes it after them
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot remove cgroup " + cgroup + ": " + e, e);
    }
  }
}
