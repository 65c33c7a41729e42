package dev.berth.runtime.cgroup;

import dev.berth.runtime.kernel.ControlTree;
import dev.berth.runtime.kernel.DevicePrograms;
import dev.berth.runtime.kernel.Fd;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;

/**
 * The unified hierarchy of cgroup v2. Thread-safe; lives as long as the process.
 *
 * <p>Device programs are loaded once and attached many times: the containers of a node have a
 * handful of device policies, and the kernel verifies a program at every load.
 */
final class V2Hierarchy {
  /** The prefix of the files that every group has, whatever its controllers. */
  static final String CORE = "cgroup";

  private static final int CACHED_PROGRAMS = 32;

  private final ControlTree tree;
  private final String root;
  private final Set<String> controllers;
  private final Map<DevicePolicy, Fd> programs = new LinkedHashMap<>();

  V2Hierarchy(ControlTree tree, String root) {
    this.tree = tree;
    this.root = root;
    this.controllers = words(tree.read("cgroup.controllers"));
  }

  static Set<String> words(String line) {
    return line.isEmpty() ? Set.of() : Set.of(line.split(" ", -1));
  }

  ControlTree tree() {
    return tree;
  }

  String root() {
    return root;
  }

  /** The controllers that can be given to groups. */
  Set<String> controllers() {
    return controllers;
  }

  /**
   * Attaches the program of a policy to a group in place of those that are attached there; parents
   * keep theirs. There is no moment without one.
   */
  synchronized void attach(DevicePolicy policy, Fd group) {
    Fd program = loaded(policy);
    var old = DevicePrograms.attached(group);
    try {
      if (old.size() == 1) {
        DevicePrograms.replace(group, program, old.getFirst());
      } else {
        DevicePrograms.attach(group, program);
        old.forEach(each -> DevicePrograms.detach(group, each));
      }
    } finally {
      old.forEach(Fd::close);
    }
  }

  private Fd loaded(DevicePolicy policy) {
    Fd known = programs.get(policy);
    if (known != null) {
      return known;
    }
    if (programs.size() >= CACHED_PROGRAMS) {
      programs.values().forEach(Fd::close); // attached ones live on
      programs.clear();
    }
    Fd program = DevicePrograms.load(DeviceProgram.of(policy));
    programs.put(policy, program);
    return program;
  }
}
