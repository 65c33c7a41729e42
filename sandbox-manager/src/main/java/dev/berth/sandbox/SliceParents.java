package dev.berth.sandbox;

import dev.berth.base.AuditSheet;
import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.cgroup.Slice;
import dev.berth.runtime.systemd.Systemd;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;

/**
 * Cgroups that systemd makes: each container is a scope in the slice of its pod.
 *
 * <p>systemd removes a scope at its last exit, and with it the count of what was killed there for
 * want of memory. But the pod's slice counts those below it too, so what it counts beyond the
 * scopes that are left was counted in scopes that are gone. That sum is compared with what it was
 * at the pod's exit before. Version 1 counts for a group alone: there a kill goes unseen if systemd
 * was faster.
 */
final class SliceParents extends CgroupParents {
  private static final System.Logger LOG = System.getLogger(SliceParents.class.getName());
  private static final String EVENTS = "memory.events";
  private static final String SCOPE = ".scope";

  /** A pod's slice is three slices deep for the kubelet, and its containers' scopes below it. */
  private static final int DEPTH = 8;

  private final String prefix;
  private final Slice defaultSlice;

  /** By the pod's directory: kills in scopes that are gone and accounted for; guarded by itself. */
  private final Map<Path, Long> accounted = new HashMap<>();

  /**
   * @param defaultSlice the slice of pods that name none
   */
  SliceParents(String instance, String defaultSlice) {
    this.prefix = "cri-" + instance;
    this.defaultSlice = new Slice(defaultSlice);
  }

  /** {@inheritDoc} The last name decides where it is, as for containerd. */
  @Override
  void check(String parent) {
    if (parent.isEmpty()) {
      return;
    }
    if (!isSlice(parent)) {
      throw refuse(parent, "is no slice of systemd, and cgroup_driver is systemd");
    }
    try {
      new Slice(lastName(parent));
    } catch (BerthException e) {
      throw refuse(parent, ": " + e.getMessage());
    }
  }

  private static String lastName(String parent) {
    return parent.substring(parent.lastIndexOf('/') + 1);
  }

  private Slice slice(SandboxRecord sandbox) {
    String parent = parentOf(sandbox);
    return parent.isEmpty()
        ? defaultSlice.child("pod" + sandbox.id())
        : new Slice(lastName(parent));
  }

  @Override
  String cgroupOf(SandboxRecord sandbox, String containerId) {
    return slice(sandbox) + ":" + prefix + ":" + containerId;
  }

  @Override
  String podCgroup(SandboxRecord sandbox) {
    return "/" + slice(sandbox).relativePath();
  }

  /** {@inheritDoc} The default slice stays: systemd keeps an empty one at no cost. */
  @Override
  void removeDefaultParent(SandboxRecord sandbox) {
    synchronized (accounted) {
      accounted.remove(below(ROOT, podCgroup(sandbox)));
    }
    if (!parentOf(sandbox).isEmpty()) {
      return;
    }
    String unit = slice(sandbox).name();
    try {
      Systemd.ofHost().stop(unit);
    } catch (BerthException e) {
      if (e.kind() != Kind.UNAVAILABLE && e.kind() != Kind.DEADLINE_EXCEEDED) {
        throw e;
      }
      LOG.log(System.Logger.Level.WARNING, "the empty slice " + unit + " stays", e);
    }
  }

  /** {@inheritDoc} The scopes of an instance bear its name, wherever systemd put them. */
  @Override
  void find(List<SandboxRecord> sandboxes, AuditSheet sheet) {
    for (Path hierarchy : List.of(ROOT, ROOT.resolve("systemd"), ROOT.resolve("memory"))) {
      try (Stream<Path> groups = Files.walk(hierarchy, DEPTH)) {
        groups.filter(Files::isDirectory).forEach(group -> enter(hierarchy, group, sheet));
      } catch (NoSuchFileException e) {
        // version 2 has one hierarchy only
      } catch (IOException | UncheckedIOException e) {
        throw new BerthException(Kind.INTERNAL, "cannot list " + hierarchy + ": " + e, e);
      }
    }
  }

  private void enter(Path hierarchy, Path group, AuditSheet sheet) {
    String name = group.getFileName().toString();
    String path = "/" + hierarchy.relativize(group);
    String podPrefix = defaultSlice.child("pod").name().replace(Slice.SUFFIX, "");
    if (name.startsWith(prefix + "-") && name.endsWith(SCOPE)) {
      sheet.found(path, name.substring(prefix.length() + 1, name.length() - SCOPE.length()));
    } else if (name.startsWith(podPrefix) && name.endsWith(Slice.SUFFIX)) {
      sheet.found(path, name.substring(podPrefix.length(), name.length() - Slice.SUFFIX.length()));
    }
  }

  @Override
  void watch(String cgroup) {
    Path pod = pod(cgroup);
    synchronized (accounted) {
      accounted.computeIfAbsent(pod, SliceParents::killsInScopesGone);
    }
  }

  @Override
  boolean hasRunOutOfMemory(String cgroup) {
    Path pod = pod(cgroup);
    synchronized (accounted) {
      long known = accounted.getOrDefault(pod, 0L);
      long own = ownKills(cgroup);
      // One that is still there will be gone in a moment, and was accounted for then.
      long now = own >= 0 ? known + own : killsInScopesGone(pod);
      accounted.put(pod, now);
      return now > known;
    }
  }

  /** Returns what a scope has counted; -1 if it is gone. Version 1 has the count elsewhere. */
  private static long ownKills(String cgroup) {
    return oomKills(below(ROOT, cgroup).resolve(EVENTS))
        .orElseGet(() ->
            oomKills(below(ROOT.resolve("memory"), cgroup).resolve("memory.oom_control"))
                .orElse(-1));
  }

  private static Path pod(String cgroup) {
    Path parent = below(ROOT, cgroup).getParent();
    return parent == null ? ROOT : parent;
  }

  private static long killsInScopesGone(Path pod) {
    long left = 0;
    for (Path scope : scopes(pod)) {
      left += oomKills(scope.resolve(EVENTS)).orElse(0);
    }
    return Math.max(0, oomKills(pod.resolve(EVENTS)).orElse(0) - left);
  }

  private static List<Path> scopes(Path pod) {
    try (Stream<Path> entries = Files.list(pod)) {
      return entries.filter(Files::isDirectory).toList();
    } catch (IOException e) {
      return List.of(); // the pod's slice is gone as well
    }
  }
}
