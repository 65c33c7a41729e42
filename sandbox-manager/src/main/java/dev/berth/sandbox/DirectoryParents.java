package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.AuditSheet;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.FileSystemException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/** Cgroups that are made by mkdir. */
final class DirectoryParents extends CgroupParents {
  /** Of the names of the groups of pods that are named no parent, before their ids. */
  private static final String POD = "pod";

  private static final Pattern ID = Pattern.compile("[0-9a-f]{64}");

  private final String defaultParent;

  /**
   * @param defaultParent absolute path within the hierarchies
   */
  DirectoryParents(String defaultParent) {
    this.defaultParent = defaultParent;
  }

  @Override
  void check(String parent) {
    if (isSlice(parent)) {
      throw refuse(parent, "is a slice of systemd, and cgroup_driver is cgroupfs");
    }
    SandboxConfigs.requireAbsolute("linux.cgroup_parent", parent);
  }

  @Override
  String cgroupOf(SandboxRecord sandbox, String containerId) {
    return Path.of(podCgroup(sandbox)).resolve(containerId).toString();
  }

  @Override
  String podCgroup(SandboxRecord sandbox) {
    String parent = parentOf(sandbox);
    return parent.isEmpty() ? ownParent(sandbox) : parent;
  }

  private String ownParent(SandboxRecord sandbox) {
    return defaultParent + "/" + POD + sandbox.id();
  }

  @Override
  void removeDefaultParent(SandboxRecord sandbox) {
    if (!parentOf(sandbox).isEmpty()) {
      return;
    }
    String own = ownParent(sandbox);
    boolean gone = true;
    for (Path hierarchy : hierarchies()) {
      gone &= removeIfEmpty(below(hierarchy, own));
    }
    if (!gone) { // a shim died between a task's group and its record; nobody else knows of it now
      end(own);
    }
    for (Path hierarchy : hierarchies()) {
      boolean _ = removeIfEmpty(below(hierarchy, defaultParent)); // or it has other pods
    }
  }

  /** {@inheritDoc} A group stays until its task is deleted, so there is nothing to remember. */
  @Override
  void watch(String cgroup) {}

  @Override
  boolean hasRunOutOfMemory(String cgroup) {
    return oomKills(below(ROOT.resolve("memory"), cgroup).resolve("memory.oom_control")).orElse(0)
            > 0
        || oomKills(below(ROOT, cgroup).resolve("memory.events")).orElse(0) > 0;
  }

  @Override
  void find(List<SandboxRecord> sandboxes, AuditSheet sheet) {
    for (Path hierarchy : hierarchies()) {
      for (Path pod : groups(below(hierarchy, defaultParent))) {
        if (nameOf(pod).startsWith(POD)) {
          enter(hierarchy, pod, nameOf(pod).substring(POD.length()), sheet);
          groups(pod).forEach(group -> enter(hierarchy, group, nameOf(group), sheet));
        }
      }
      for (SandboxRecord sandbox : sandboxes) {
        groups(below(hierarchy, podCgroup(sandbox))).stream()
            .filter(group -> ID.matcher(nameOf(group)).matches())
            .forEach(group -> enter(hierarchy, group, nameOf(group), sheet));
      }
    }
  }

  private static void enter(Path hierarchy, Path group, String owner, AuditSheet sheet) {
    sheet.found("/" + hierarchy.relativize(group), owner, "no record has it; in " + hierarchy);
  }

  private static List<Path> groups(Path parent) {
    return DirectoryAuditor.list(parent).stream().filter(Files::isDirectory).toList();
  }

  private static String nameOf(Path group) {
    return group.getFileName().toString();
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

  /** Returns false if processes or other groups are in it: EBUSY or, by cgroups(7), ENOTEMPTY. */
  private static boolean removeIfEmpty(Path cgroup) {
    try {
      Files.deleteIfExists(cgroup);
      return true;
    } catch (FileSystemException e) {
      return false;
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot remove cgroup " + cgroup + ": " + e, e);
    }
  }
}
