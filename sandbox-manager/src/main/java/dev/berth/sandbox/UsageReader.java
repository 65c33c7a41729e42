package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.CgroupPath;
import dev.berth.runtime.cgroup.CgroupStats;
import dev.berth.runtime.cgroup.Cgroups;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** Reads what pods and containers use from their cgroups and network namespaces. Thread-safe. */
final class UsageReader {
  private static final System.Logger LOG = System.getLogger(UsageReader.class.getName());

  private final Registry registry;
  private final PodPaths paths;
  private final CgroupParents parents;
  private final WritableLayers layers;
  private final CpuRates rates = new CpuRates();
  private volatile @Nullable Cgroups cgroups; // opened by the first who asks

  UsageReader(Registry registry, PodPaths paths, CgroupParents parents, WritableLayers layers) {
    this.registry = registry;
    this.paths = paths;
    this.parents = parents;
    this.layers = layers;
  }

  ContainerUsage container(Container container) {
    return usage(container.record());
  }

  List<ContainerUsage> containers(ContainerFilter filter) {
    forgetRemoved();
    List<ContainerUsage> all = new ArrayList<>();
    for (ContainerStatus status : registry.list(filter)) {
      if (status.state() instanceof ContainerState.Running) {
        registry.containers.find(status.id()).flatMap(this::ifReadable).ifPresent(all::add);
      }
    }
    return all;
  }

  private Optional<ContainerUsage> ifReadable(Container container) {
    ContainerUsage usage = usage(container.record());
    return usage.cgroup().isPresent() ? Optional.of(usage) : Optional.empty();
  }

  private ContainerUsage usage(ContainerRecord record) {
    Instant at = Instant.now();
    long nanos = System.nanoTime();
    Optional<CgroupStats> stats =
        record.state() instanceof ContainerState.Running ? read(record.cgroup()) : Optional.empty();
    return new ContainerUsage(
        record.status(),
        at,
        stats,
        rate(record.id(), nanos, stats),
        layers.usage(record.snapshotKey()));
  }

  private OptionalLong rate(String id, long nanos, Optional<CgroupStats> stats) {
    return stats.isEmpty()
        ? OptionalLong.empty()
        : rates.perSecond(id, nanos, stats.get().cpuUsageNanos());
  }

  SandboxUsage sandbox(Sandbox sandbox) {
    SandboxRecord record = sandbox.record();
    List<Container> running =
        registry.containersOf(sandbox.id()).stream()
            .filter(container -> container.currentState() instanceof ContainerState.Running)
            .toList();
    Instant at = Instant.now();
    long nanos = System.nanoTime();
    Optional<CgroupStats> stats = read(parents.podCgroup(record));
    return new SandboxUsage(
        sandbox.status(paths),
        at,
        stats,
        rate(sandbox.id(), nanos, stats),
        interfaces(record, running),
        running.stream().flatMap(container -> ifReadable(container).stream()).toList());
  }

  List<SandboxUsage> sandboxes(SandboxFilter filter) {
    forgetRemoved();
    List<SandboxUsage> all = new ArrayList<>();
    for (SandboxStatus status : registry.list(filter, paths)) {
      if (status.isReady()) {
        registry.sandboxes.find(status.id()).map(this::sandbox).ifPresent(all::add);
      }
    }
    return all;
  }

  /** Any process of the pod sees the pod's network. */
  private static List<InterfaceUsage> interfaces(SandboxRecord sandbox, List<Container> running) {
    if (SandboxConfigs.hasHostNetwork(sandbox.config())) {
      return List.of();
    }
    for (Container container : running) {
      Optional<Integer> pid = container.pid();
      if (pid.isPresent()) {
        try {
          return InterfaceUsage.parse(
              Files.readString(Path.of("/proc", pid.get().toString(), "net", "dev")));
        } catch (IOException e) {
          LOG.log(System.Logger.Level.DEBUG, "container " + container.id() + " ended", e);
        }
      }
    }
    return List.of();
  }

  /** Empty where there is no such cgroup, or none any more. */
  private Optional<CgroupStats> read(String path) {
    try {
      return Optional.of(cgroups().at(CgroupPath.parse(path)).stats());
    } catch (BerthException e) {
      if (e.kind() != NOT_FOUND) {
        LOG.log(System.Logger.Level.WARNING, "cannot read cgroup " + path, e);
      }
      return Optional.empty();
    }
  }

  private Cgroups cgroups() {
    Cgroups known = cgroups;
    if (known == null) {
      known = Cgroups.detect();
      cgroups = known;
    }
    return known;
  }

  private void forgetRemoved() {
    Set<String> ids = new HashSet<>();
    registry.containers.all().forEach(container -> ids.add(container.id()));
    layers.retain(ids); // a snapshot's key is its container's id
    registry.sandboxes.all().forEach(sandbox -> ids.add(sandbox.id()));
    rates.retain(ids);
  }
}
