package dev.berth.sandbox;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.CgroupStats;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Namespaces;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.ReadBuffer;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;
import java.util.Set;
import java.util.concurrent.atomic.AtomicLong;
import java.util.function.Supplier;
import java.util.stream.Collectors;

/** Reads what pods and containers use from their cgroups and network namespaces. Thread-safe. */
final class UsageReader implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(UsageReader.class.getName());

  private static final long FORGET_EVERY_NANOS = Duration.ofSeconds(10).toNanos();

  private final Registry registry;
  private final PodPaths paths;
  private final PodNamespaces namespaces;
  private final CgroupParents parents;
  private final WritableLayers layers;
  private final UsageMeters meters;
  private final UnreadUsage unread = new UnreadUsage();
  private final CpuRates rates = new CpuRates();
  private final AtomicLong forgotAtNanos = new AtomicLong(System.nanoTime());
  private final RecentReadings<ContainerUsage> recentContainers =
      new RecentReadings<>(System::nanoTime);
  private final RecentReadings<PodReading> recentPods = new RecentReadings<>(System::nanoTime);

  /** What is read of a pod beside its containers. */
  private record PodReading(
      Instant at,
      Optional<CgroupStats> cgroup,
      OptionalLong cpuNanosPerSecond,
      List<InterfaceUsage> interfaces) {}

  UsageReader(
      Registry registry,
      PodPaths paths,
      PodNamespaces namespaces,
      CgroupParents parents,
      WritableLayers layers,
      UsageMeters meters) {
    this.registry = registry;
    this.paths = paths;
    this.namespaces = namespaces;
    this.parents = parents;
    this.layers = layers;
    this.meters = meters;
  }

  ContainerUsage container(Container container) {
    return usage(container.record(), new ReadBuffer());
  }

  List<ContainerUsage> containers(ContainerFilter filter) {
    forgetRemoved();
    var buffer = new ReadBuffer();
    List<ContainerUsage> all = new ArrayList<>();
    for (ContainerStatus status : registry.list(filter)) {
      if (status.state() instanceof ContainerState.Running) {
        registry
            .containers
            .find(status.id())
            .flatMap(container -> recent(container, buffer))
            .ifPresent(all::add);
      }
    }
    return all;
  }

  private Optional<ContainerUsage> recent(Container container, ReadBuffer buffer) {
    return recentContainers.of(container.id(), () -> ifReadable(container, buffer));
  }

  private Optional<ContainerUsage> ifReadable(Container container, ReadBuffer buffer) {
    ContainerUsage usage = usage(container.record(), buffer);
    return usage.cgroup().isPresent() ? Optional.of(usage) : Optional.empty();
  }

  private ContainerUsage usage(ContainerRecord record, ReadBuffer buffer) {
    Instant at = Instant.now();
    long nanos = System.nanoTime();
    Optional<CgroupStats> stats =
        record.state() instanceof ContainerState.Running
            ? read(record.id(), record.cgroup(), buffer)
            : Optional.empty();
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
    var buffer = new ReadBuffer();
    List<Container> running = running(registry.containersOf(sandbox.id()));
    return usage(
        sandbox,
        read(sandbox.record(), running, buffer),
        running.stream().flatMap(container -> ifReadable(container, buffer).stream()).toList());
  }

  List<SandboxUsage> sandboxes(SandboxFilter filter) {
    var buffer = new ReadBuffer();
    return ofReady(
        filter,
        (sandbox, running) ->
            usage(
                sandbox,
                recent(sandbox.record(), running, buffer),
                running.stream()
                    .flatMap(container -> recent(container, buffer).stream())
                    .toList()));
  }

  private SandboxUsage usage(Sandbox sandbox, PodReading pod, List<ContainerUsage> containers) {
    return new SandboxUsage(
        sandbox.status(paths),
        pod.at,
        pod.cgroup,
        pod.cpuNanosPerSecond,
        pod.interfaces,
        containers);
  }

  private PodReading recent(SandboxRecord record, List<Container> running, ReadBuffer buffer) {
    return recentPods
        .of(record.id(), () -> Optional.of(read(record, running, buffer)))
        .orElseThrow();
  }

  private PodReading read(SandboxRecord record, List<Container> running, ReadBuffer buffer) {
    Instant at = Instant.now();
    long nanos = System.nanoTime();
    Optional<CgroupStats> stats = read(record.id(), parents.podCgroup(record), buffer);
    return new PodReading(
        at, stats, rate(record.id(), nanos, stats), interfaces(record, running, buffer));
  }

  List<SandboxMetrics> metrics() {
    var buffer = new ReadBuffer();
    var reader = new MetricsReader(meters, layers);
    return ofReady(
        SandboxFilter.ALL, (sandbox, running) -> metrics(sandbox, running, reader, buffer));
  }

  private SandboxMetrics metrics(
      Sandbox sandbox, List<Container> running, MetricsReader reader, ReadBuffer buffer) {
    SandboxRecord record = sandbox.record();
    return new SandboxMetrics(
        sandbox.status(paths),
        parents.podCgroup(record),
        Instant.now(),
        interfaces(record, running, buffer),
        running.stream()
            .flatMap(container -> metrics(container, reader, buffer).stream())
            .toList());
  }

  private Optional<ContainerMetrics> metrics(
      Container container, MetricsReader reader, ReadBuffer buffer) {
    Optional<Integer> pid = container.pid();
    return pid.isEmpty()
        ? Optional.empty()
        : ifReadable(container, buffer)
            .flatMap(usage ->
                marking(
                    container.id(),
                    () -> reader.read(usage, container.record().cgroup(), pid.get())));
  }

  private interface Reading<T> {
    T of(Sandbox sandbox, List<Container> running);
  }

  private <T> List<T> ofReady(SandboxFilter filter, Reading<T> reading) {
    forgetRemoved();
    Map<String, List<Container>> containers =
        registry.containers.all().stream()
            .collect(Collectors.groupingBy(container -> container.record().sandboxId()));
    List<T> all = new ArrayList<>();
    for (SandboxStatus status : registry.list(filter, paths)) {
      if (status.isReady()) {
        List<Container> running = running(containers.getOrDefault(status.id(), List.of()));
        registry
            .sandboxes
            .find(status.id())
            .ifPresent(sandbox -> all.add(reading.of(sandbox, running)));
      }
    }
    return all;
  }

  private static List<Container> running(List<Container> containers) {
    return containers.stream()
        .filter(container -> container.currentState() instanceof ContainerState.Running)
        .toList();
  }

  /** Any process of the pod sees the pod's network; without one, only who enters it. */
  private List<InterfaceUsage> interfaces(
      SandboxRecord sandbox, List<Container> running, ReadBuffer buffer) {
    if (SandboxConfigs.hasHostNetwork(sandbox.config())) {
      return List.of();
    }
    for (Container container : running) {
      Optional<Integer> pid = container.pid();
      if (pid.isPresent()) {
        Optional<List<InterfaceUsage>> seen =
            interfaces("/proc/" + pid.get() + "/net/dev", sandbox, buffer);
        if (seen.isPresent()) {
          return seen.get();
        }
      }
    }
    try (Fd network = namespaces.openNetwork(sandbox.id())) {
      return Namespaces.callInNetwork(
              network, () -> interfaces("/proc/thread-self/net/dev", sandbox, buffer))
          .orElse(List.of());
    } catch (BerthException e) {
      LOG.log(System.Logger.Level.DEBUG, "sandbox " + sandbox.id() + " was stopped", e);
      return List.of();
    }
  }

  /** Empty if the process has ended. */
  private static Optional<List<InterfaceUsage>> interfaces(
      String procNetDev, SandboxRecord sandbox, ReadBuffer buffer) {
    // Not kept open: that would keep the pod's network alive.
    try (Fd file = Descriptors.open(Path.of(procNetDev))) {
      return buffer.readParts(file)
          ? Optional.of(InterfaceUsage.parse(buffer.bytes(), buffer.length()))
          : Optional.empty();
    } catch (NativeException e) {
      LOG.log(System.Logger.Level.DEBUG, "a process of sandbox " + sandbox.id() + " ended", e);
      return Optional.empty();
    }
  }

  private Optional<CgroupStats> read(String id, String cgroup, ReadBuffer buffer) {
    return marking(id, () -> meters.stats(id, cgroup, buffer));
  }

  /** Empty where it cannot be read, which is noted. */
  private <T> Optional<T> marking(String id, Supplier<T> reading) {
    try {
      T read = reading.get();
      unread.succeeded(id);
      return Optional.of(read);
    } catch (BerthException e) {
      unread.failed(id, e);
      return Optional.empty();
    }
  }

  UsageGaps gaps() {
    retainKnown();
    return unread.gaps();
  }

  /** Lets go of what was kept of a pod or container that has ended. */
  void forget(String id) {
    meters.forget(id);
  }

  /** Not with every list: what was removed costs some memory until then, and no descriptor. */
  private void forgetRemoved() {
    long now = System.nanoTime();
    long before = forgotAtNanos.get();
    if (now - before < FORGET_EVERY_NANOS || !forgotAtNanos.compareAndSet(before, now)) {
      return;
    }
    retainKnown();
  }

  private void retainKnown() {
    Set<String> ids = new HashSet<>();
    registry.containers.all().forEach(container -> ids.add(container.id()));
    layers.retain(ids); // a snapshot's key is its container's id
    registry.sandboxes.all().forEach(sandbox -> ids.add(sandbox.id()));
    rates.retain(ids);
    recentContainers.retain(ids);
    recentPods.retain(ids);
    unread.retain(ids);
    meters.retain(ids);
  }

  @Override
  public void close() {
    meters.close();
  }
}
