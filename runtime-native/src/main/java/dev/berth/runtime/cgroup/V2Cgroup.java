package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Rollback;
import dev.berth.runtime.kernel.ControlFile;
import dev.berth.runtime.kernel.ControlTree;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.spec.Resources;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.function.Predicate;
import java.util.stream.Collectors;

/** A group of cgroup v2: a directory of the unified hierarchy. */
record V2Cgroup(CgroupPath path, V2Hierarchy hierarchy) implements DirectoryCgroup {
  private static final String CONTROLLERS = "cgroup.controllers";
  private static final String SUBTREE_CONTROL = "cgroup.subtree_control";
  private static final String TYPE = "cgroup.type";
  private static final String EVENTS = "cgroup.events";
  private static final String FREEZE = "cgroup.freeze";
  private static final String KILL = "cgroup.kill";
  private static final Duration KILL_FREEZE = Duration.ofMillis(500);

  @Override
  public Cgroups.Version version() {
    return Cgroups.Version.V2;
  }

  @Override
  public Map<String, String> directories() {
    return Map.of("", hierarchy.tree().mountPoint().resolve(path.relative()).toString());
  }

  @Override
  public void create() {
    try (Rollback rollback = new Rollback()) {
      if (!Groups.make(tree(), path, rollback)) {
        Groups.requireVacant(tree(), path);
      }
      takeControllers();
      if (isFrozen()) {
        throw Groups.frozen(path);
      }
      rollback.commit();
    }
  }

  @Override
  public void complete(long pid) {
    takeControllers();
  }

  private void takeControllers() {
    if (!controllers().containsAll(hierarchy.controllers())) {
      enableControllers();
      joinThreadedTree();
    }
  }

  private Set<String> controllers() {
    return V2Hierarchy.words(tree().read(path.file(CONTROLLERS)));
  }

  /** A group has the controllers that every group above it hands down. */
  private void enableControllers() {
    handDown("");
    path.ancestors().forEach(ancestor -> handDown(ancestor.relative() + "/"));
  }

  private void handDown(String directory) {
    Set<String> missing =
        V2Hierarchy.words(tree().read(directory + CONTROLLERS)).stream()
            .filter(hierarchy.controllers()::contains)
            .collect(Collectors.toSet());
    missing.removeAll(V2Hierarchy.words(tree().read(directory + SUBTREE_CONTROL)));
    if (missing.isEmpty() || handDown(directory, missing)) {
      return;
    }
    // One controller can be held back by the kernel for a reason of its own: cpu by realtime
    // processes, domain controllers by a threaded group. A limit that needs it says so later.
    missing.forEach(controller -> handDown(directory, Set.of(controller)));
  }

  private boolean handDown(String directory, Set<String> controllers) {
    String value = controllers.stream().map(name -> "+" + name).collect(Collectors.joining(" "));
    try {
      tree().write(directory + SUBTREE_CONTROL, value);
      return true;
    } catch (NativeException e) {
      if (Set.of(Errno.EBUSY, Errno.EINVAL, Errno.EOPNOTSUPP, Errno.ENOENT, Errno.EPERM).stream()
          .anyMatch(e::is)) {
        return false;
      }
      throw e;
    }
  }

  /** Below a threaded group a new one is "domain invalid" and takes no process until it joins. */
  private void joinThreadedTree() {
    if (tree().read(path.file(TYPE)).equals("domain invalid")) {
      tree().write(path.file(TYPE), "threaded");
    }
  }

  @Override
  public List<Setting> settings(Resources resources) {
    Resources.Memory memory = resources.memory();
    if (memory != null && Boolean.TRUE.equals(memory.checkBeforeUpdate())) {
      Settings.requireAboveUsage(memory, number("memory.current"));
    }
    return V2Settings.of(resources, () -> read("cpu.max").orElse("max"));
  }

  @Override
  public void apply(Resources resources) {
    List<Setting> settings = settings(resources);
    if (!settings.isEmpty()) {
      Set<String> controllers = controllers();
      new SettingWriter(path, controller -> tree(controller, controllers)).write(settings);
    }
    if (!resources.devices().isEmpty()) {
      applyDevices(DevicePolicy.of(resources.devices()));
    }
  }

  private Optional<ControlTree> tree(String controller, Set<String> controllers) {
    boolean has = controllers.contains(controller) || controller.equals(V2Hierarchy.CORE);
    return has ? Optional.of(tree()) : Optional.empty();
  }

  private void applyDevices(DevicePolicy policy) {
    try (Fd group = tree().openToRead(path.relative())) {
      hierarchy.attach(policy, group);
    } catch (NativeException e) {
      throw e.during("linux.resources.devices");
    }
  }

  @Override
  public List<Fd> openProcs() {
    return List.of(tree().openForWriting(path.file(Groups.PROCS)));
  }

  @Override
  public Optional<Fd> openDirectory() {
    return Optional.of(tree().openPlace(path.relative()));
  }

  @Override
  public void add(long pid) {
    tree().write(path.file(Groups.PROCS), Long.toString(pid));
  }

  @Override
  public void requireMember(long pid) {
    Membership.of(pid).require(Set.of(), hierarchy.root(), path);
  }

  @Override
  public List<Long> pids() {
    return Groups.membersBelow(tree(), path);
  }

  @Override
  public boolean isPopulated() {
    return tree().readIfPresent(path.file(EVENTS)).filter(V2Cgroup::populated).isPresent();
  }

  private static boolean populated(String events) {
    return FlatFile.value(Optional.of(events), "populated").orElse(0) == 1;
  }

  private static boolean frozen(String events) {
    return FlatFile.value(Optional.of(events), "frozen").orElse(0) == 1;
  }

  @Override
  public void freeze(Duration limit) {
    tree().write(path.file(FREEZE), "1");
    if (!awaitEvent(V2Cgroup::frozen, new Pause(limit))) {
      thaw();
      throw new BerthException(
          Kind.DEADLINE_EXCEEDED, "cgroup " + path + " did not freeze within " + limit);
    }
  }

  /** Waits for a state of {@code cgroup.events}, which the kernel announces; false if too late. */
  private boolean awaitEvent(Predicate<String> reached, Pause pause) {
    try (ControlFile events = tree().watch(path.file(EVENTS))) {
      while (!reached.test(events.read())) {
        if (!events.awaitChange(pause.left())) {
          return reached.test(events.read());
        }
      }
      return true;
    }
  }

  @Override
  public void thaw() {
    tree().write(path.file(FREEZE), "0");
  }

  @Override
  public boolean isFrozen() {
    return tree().readIfPresent(path.file(EVENTS)).filter(V2Cgroup::frozen).isPresent();
  }

  /** {@inheritDoc} Since Linux 5.14 the kernel does it in one go; frozen processes die as well. */
  @Override
  public void kill() {
    try {
      killNow();
    } catch (NativeException e) {
      if (!e.is(Errno.ENODEV)) { // someone else has removed the group
        throw e;
      }
    }
  }

  private void killNow() {
    if (!tree().writeIfPresent(path.file(KILL), "1") && tree().exists(path.relative())) {
      tree().write(path.file(FREEZE), "1");
      boolean complete = awaitEvent(V2Cgroup::frozen, new Pause(KILL_FREEZE));
      Groups.kill(pids());
      tree().write(path.file(FREEZE), "0");
      if (!complete) {
        Groups.kill(pids());
      }
    }
  }

  @Override
  public void delete(Duration limit) {
    Pause pause = new Pause(limit);
    awaitEmpty(pause);
    Groups.remove(tree(), path, pause);
  }

  @Override
  public void awaitEmpty(Duration limit) {
    awaitEmpty(new Pause(limit));
    if (isPopulated()) {
      throw Groups.stillBusy(tree(), path);
    }
  }

  private void awaitEmpty(Pause pause) {
    if (!isPopulated()) {
      return;
    }
    try {
      awaitEvent(events -> !populated(events), pause);
    } catch (NativeException e) {
      if (!e.is(Errno.ENOENT) && !e.is(Errno.ENODEV)) { // someone else has removed the group
        throw e;
      }
    }
  }

  @Override
  public CgroupMeter meter() {
    return new CgroupMeter(path, _ -> Optional.of(tree()), V2Figures::stats);
  }

  @Override
  public CgroupDetails details() {
    return V2Figures.details(
        CgroupMeter.once(path, _ -> Optional.of(tree())), Figures.hugePageSizes());
  }

  @Override
  public OptionalLong oomKills() {
    return FlatFile.value(read("memory.events"), "oom_kill");
  }

  @Override
  public Optional<OomSignal> oomSignal() {
    try {
      return Optional.of(new OomSignal.Events(tree().openToRead(path.file("memory.events"))));
    } catch (NativeException e) {
      return Optional.empty(); // the group is gone, or has no memory controller
    }
  }

  private OptionalLong number(String file) {
    return FlatFile.number(read(file));
  }

  private Optional<String> read(String file) {
    return tree().readIfPresent(path.file(file));
  }

  private ControlTree tree() {
    return hierarchy.tree();
  }
}
