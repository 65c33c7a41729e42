package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Rollback;
import dev.berth.runtime.kernel.ControlTree;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.EventFd;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.spec.Resources;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** A group of cgroup v1: a directory of the same path in every mounted hierarchy. */
record V1Cgroup(CgroupPath path, List<V1Hierarchy> hierarchies) implements DirectoryCgroup {
  private static final String CPUSET = "cpuset";
  private static final String DEVICES = "devices";
  private static final String FREEZER = "freezer";
  private static final String STATE = "freezer.state";
  private static final String THAWED = "THAWED";
  private static final String FROZEN = "FROZEN";
  private static final String MEMORY = "memory";
  private static final Duration KILL_FREEZE = Duration.ofMillis(500);
  private static final int KILL_ROUNDS = 8;

  @Override
  public Cgroups.Version version() {
    return Cgroups.Version.V1;
  }

  @Override
  public Map<String, String> directories() {
    Map<String, String> directories = new LinkedHashMap<>();
    for (V1Hierarchy hierarchy : hierarchies) {
      Path mountPoint = hierarchy.tree().mountPoint();
      directories.put(
          mountPoint.getFileName().toString(), mountPoint.resolve(path.relative()).toString());
    }
    return directories;
  }

  @Override
  public void create() {
    try (Rollback rollback = new Rollback()) {
      for (V1Hierarchy hierarchy : hierarchies) {
        if (!Groups.make(hierarchy.tree(), path, rollback)) {
          Groups.requireVacant(hierarchy.tree(), path);
        }
        if (hierarchy.has(CPUSET)) {
          fillCpuset(hierarchy.tree());
        }
      }
      if (isFrozen()) {
        throw Groups.frozen(path);
      }
      rollback.commit();
    }
  }

  /** systemd makes the group in its own hierarchy and in those of the controllers it manages. */
  @Override
  public void complete(long pid) {
    try (Rollback rollback = new Rollback()) {
      for (V1Hierarchy hierarchy : hierarchies) {
        Groups.make(hierarchy.tree(), path, rollback);
        if (hierarchy.has(CPUSET)) {
          fillCpuset(hierarchy.tree());
        }
      }
      add(pid);
      rollback.commit();
    }
  }

  /** A new cpuset is empty and takes no process; its CPUs and memory nodes come from above. */
  private void fillCpuset(ControlTree tree) {
    fill(tree, path.relative(), "cpuset.cpus");
    fill(tree, path.relative(), "cpuset.mems");
  }

  private static String fill(ControlTree tree, String group, String file) {
    String own = tree.read(group.isEmpty() ? file : group + "/" + file);
    if (!own.isEmpty() || group.isEmpty()) {
      return own;
    }
    String inherited = fill(tree, group.substring(0, Math.max(0, group.lastIndexOf('/'))), file);
    tree.write(group + "/" + file, inherited);
    return inherited;
  }

  @Override
  public List<Setting> settings(Resources resources) {
    Resources.Memory memory = resources.memory();
    if (memory != null && Boolean.TRUE.equals(memory.checkBeforeUpdate())) {
      Settings.requireAboveUsage(memory, number(MEMORY, "memory.usage_in_bytes"));
    }
    return V1Settings.of(resources);
  }

  @Override
  public void apply(Resources resources) {
    List<Setting> settings = settings(resources);
    new SettingWriter(path, this::tree).write(settings);
    if (!resources.devices().isEmpty()) {
      applyDevices(DevicePolicy.of(resources.devices()));
    }
  }

  private void applyDevices(DevicePolicy policy) {
    ControlTree tree =
        tree(DEVICES)
            .orElseThrow(() ->
                new BerthException(
                    Kind.FAILED_PRECONDITION,
                    "linux.resources.devices: this host has no cgroup controller devices"));
    DeviceChange change = DeviceChange.of(tree.read(path.file("devices.list")), policy);
    try {
      tree.writeEach(path.file("devices.deny"), change.denyFirst());
      tree.writeEach(path.file("devices.allow"), change.allow());
      tree.writeEach(path.file("devices.deny"), change.denyLast());
    } catch (NativeException e) {
      throw e.during("linux.resources.devices");
    }
  }

  @Override
  public List<Fd> openProcs() {
    List<Fd> opened = new ArrayList<>();
    try {
      hierarchies.forEach(h -> opened.add(h.tree().openForWriting(path.file(Groups.PROCS))));
      return List.copyOf(opened);
    } catch (NativeException e) {
      opened.forEach(Fd::close);
      throw e;
    }
  }

  @Override
  public Optional<Fd> openDirectory() {
    return Optional.empty();
  }

  @Override
  public void add(long pid) {
    hierarchies.forEach(h -> h.tree().write(path.file(Groups.PROCS), Long.toString(pid)));
  }

  @Override
  public void requireMember(long pid) {
    Membership membership = Membership.of(pid);
    hierarchies.forEach(h -> membership.require(h.names(), h.root(), path));
  }

  @Override
  public List<Long> pids() {
    return Groups.membersBelow(anyTree(), path);
  }

  @Override
  public boolean isPopulated() {
    return !pids().isEmpty();
  }

  /** Processes are in all hierarchies alike; that of the freezer is the one they are ended in. */
  private ControlTree anyTree() {
    return tree(FREEZER).orElseGet(() -> hierarchies.getFirst().tree());
  }

  @Override
  public void freeze(Duration limit) {
    ControlTree tree = freezer();
    if (!freezeWithin(tree, limit)) {
      thaw();
      throw new BerthException(
          Kind.DEADLINE_EXCEEDED, "cgroup " + path + " did not freeze within " + limit);
    }
  }

  private boolean freezeWithin(ControlTree tree, Duration limit) {
    Pause pause = new Pause(limit);
    while (true) {
      // Written each time: a task that was forked or in a bad place meanwhile is caught then.
      tree.write(path.file(STATE), FROZEN);
      if (tree.read(path.file(STATE)).equals(FROZEN)) {
        return true;
      }
      if (!pause.elapse()) {
        return false;
      }
    }
  }

  @Override
  public void thaw() {
    freezer().write(path.file(STATE), THAWED);
  }

  private ControlTree freezer() {
    return tree(FREEZER)
        .orElseThrow(() ->
            new BerthException(
                Kind.FAILED_PRECONDITION,
                "cannot freeze " + path + ": this host has no cgroup controller freezer"));
  }

  @Override
  public boolean isFrozen() {
    return tree(FREEZER)
        .flatMap(tree -> tree.readIfPresent(path.file(STATE)))
        .filter(state -> !state.equals(THAWED))
        .isPresent();
  }

  /**
   * {@inheritDoc}
   *
   * <p>Frozen processes cannot fork, so that a list of them is complete; their signal works when
   * they thaw. Where they do not freeze, the list is read again until nothing new is in it.
   */
  @Override
  public void kill() {
    List<Long> killed = List.of();
    for (int round = 0; round < KILL_ROUNDS; round++) {
      boolean frozen = tree(FREEZER).filter(this::freezeToKill).isPresent();
      List<Long> found = pids();
      Groups.kill(found);
      tree(FREEZER).ifPresent(tree -> tree.writeIfPresent(path.file(STATE), THAWED));
      if (frozen || killed.containsAll(found)) {
        return;
      }
      killed = found;
    }
  }

  private boolean freezeToKill(ControlTree tree) {
    try {
      return freezeWithin(tree, KILL_FREEZE);
    } catch (NativeException e) {
      if (e.is(Errno.ENOENT)) {
        return true; // the group is gone
      }
      throw e;
    }
  }

  @Override
  public void awaitEmpty(Duration limit) {
    Pause pause = new Pause(limit);
    while (isPopulated()) {
      if (!pause.elapse()) {
        throw Groups.stillBusy(anyTree(), path);
      }
    }
  }

  @Override
  public void delete(Duration limit) {
    Pause pause = new Pause(limit);
    hierarchies.forEach(hierarchy -> Groups.remove(hierarchy.tree(), path, pause));
  }

  @Override
  public CgroupMeter meter() {
    return new CgroupMeter(path, this::tree, V1Figures::stats);
  }

  @Override
  public CgroupDetails details() {
    return V1Figures.details(CgroupMeter.once(path, this::tree), Figures.hugePageSizes());
  }

  @Override
  public OptionalLong oomKills() {
    return FlatFile.value(read(MEMORY, "memory.oom_control"), "oom_kill");
  }

  @Override
  public Optional<OomSignal> oomSignal() {
    return tree(MEMORY).flatMap(this::oomSignal);
  }

  /** Documentation/admin-guide/cgroup-v1/memory.rst, section 10. */
  private Optional<OomSignal> oomSignal(ControlTree tree) {
    OomSignal.Counter signal = new OomSignal.Counter(EventFd.create());
    try (Fd file = tree.openToRead(path.file("memory.oom_control"))) {
      tree.write(path.file("cgroup.event_control"), signal.fd().number() + " " + file.number());
      return Optional.of(signal);
    } catch (NativeException e) {
      signal.close();
      return Optional.empty(); // the group is gone, or the kernel does not tell
    }
  }

  private OptionalLong number(String controller, String file) {
    return FlatFile.number(read(controller, file));
  }

  private Optional<String> read(String controller, String file) {
    return tree(controller).flatMap(tree -> tree.readIfPresent(path.file(file)));
  }

  private Optional<ControlTree> tree(String controller) {
    for (V1Hierarchy hierarchy : hierarchies) {
      if (hierarchy.has(controller)) {
        return Optional.of(hierarchy.tree());
      }
    }
    return Optional.empty();
  }
}
