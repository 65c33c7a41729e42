package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Rollback;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.systemd.Systemd;
import dev.berth.runtime.systemd.UnitProperty;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.function.LongSupplier;

/**
 * A group that systemd makes, as a scope whose inside it leaves to us ({@code Delegate=yes}).
 *
 * <p>Limits go both ways: to systemd, which would else take them back when it loads its units anew,
 * and then to the files, which are exact and more. systemd removes the group by itself as soon as
 * its last process has ended.
 */
record ScopeCgroup(Scope scope, DirectoryCgroup group, Systemd systemd) implements Cgroup {
  @Override
  public CgroupPath path() {
    return group.path();
  }

  @Override
  public Map<String, String> directories() {
    return group.directories();
  }

  /** {@inheritDoc} A scope cannot be empty: see {@link #create(Resources, LongSupplier)}. */
  @Override
  public void create() {
    throw new BerthException(
        Kind.FAILED_PRECONDITION, scope.unit() + ": a scope cannot be made without a process");
  }

  @Override
  public void create(Resources limits, LongSupplier occupant) {
    List<Setting> settings = group.settings(limits);
    if (group.isPopulated()) {
      throw new BerthException(
          Kind.FAILED_PRECONDITION,
          "cgroup " + path() + " exists and has processes in it: " + Groups.some(group.pids()));
    }
    long pid = occupant.getAsLong();
    List<UnitProperty> properties =
        new ArrayList<>(ScopeProperties.atStart(scope, pid, settings, group.version()));
    properties.addAll(devices(limits));
    start(properties);
    try (Rollback rollback = new Rollback()) {
      rollback.onFailure("stop " + scope.unit(), () -> systemd.stop(scope.unit()));
      group.complete(pid);
      group.apply(limits);
      rollback.commit();
    }
  }

  /** A unit of this name without processes is what a create that was cut off has left. */
  private void start(List<UnitProperty> properties) {
    try {
      systemd.start(scope.unit(), properties);
    } catch (BerthException e) {
      if (e.kind() != Kind.ALREADY_EXISTS) {
        throw e;
      }
      systemd.stop(scope.unit());
      systemd.start(scope.unit(), properties);
    }
  }

  /** {@inheritDoc} systemd writes what it was told before it answers, so the files come last. */
  @Override
  public void apply(Resources resources) {
    List<UnitProperty> properties =
        new ArrayList<>(ScopeProperties.ofLimits(group.settings(resources)));
    properties.addAll(devices(resources));
    systemd.set(scope.unit(), properties);
    group.apply(resources);
  }

  private List<UnitProperty> devices(Resources resources) {
    return resources.devices().isEmpty() || group.version() == Cgroups.Version.V2
        ? List.of()
        : DeviceProperties.of(DevicePolicy.of(resources.devices()));
  }

  @Override
  public List<Fd> openProcs() {
    return group.openProcs();
  }

  @Override
  public Optional<Fd> openDirectory() {
    return group.openDirectory();
  }

  @Override
  public void add(long pid) {
    group.add(pid);
  }

  @Override
  public void requireMember(long pid) {
    group.requireMember(pid);
  }

  @Override
  public List<Long> pids() {
    return group.pids();
  }

  @Override
  public boolean isPopulated() {
    return group.isPopulated();
  }

  @Override
  public void freeze(Duration limit) {
    group.freeze(limit);
  }

  @Override
  public void thaw() {
    group.thaw();
  }

  @Override
  public boolean isFrozen() {
    return group.isFrozen();
  }

  @Override
  public void kill() {
    group.kill();
  }

  /** {@inheritDoc} systemd would end processes, so it is not asked before there are none. */
  @Override
  public void delete(Duration limit) {
    group.awaitEmpty(limit);
    systemd.stop(scope.unit());
    group.delete(limit);
  }

  @Override
  public CgroupMeter meter() {
    return group.meter();
  }

  @Override
  public CgroupDetails details() {
    return group.details();
  }

  @Override
  public OptionalLong oomKills() {
    return group.oomKills();
  }

  @Override
  public Optional<OomSignal> oomSignal() {
    return group.oomSignal();
  }
}
