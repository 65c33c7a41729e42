package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import dev.berth.base.AtomicFiles;
import dev.berth.base.Audit;
import dev.berth.base.AuditFinding;
import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.Images;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.runtime.seccomp.DefaultSeccompProfile;
import dev.berth.runtime.spec.Seccomp;
import dev.berth.sandbox.cdi.CdiDevices;
import dev.berth.sandbox.cni.Networks;
import dev.berth.sandbox.net.BridgeNetwork;
import dev.berth.sandbox.net.HostNetwork;
import dev.berth.sandbox.spec.HostFacts;
import dev.berth.sandbox.spec.SpecGenerator;
import dev.berth.shim.client.ShimEvents;
import dev.berth.shim.client.ShimSettings;
import dev.berth.shim.client.Shims;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Clock;
import java.time.Duration;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;
import java.util.function.Function;

/**
 * Runs pods: the entry to this module.
 *
 * <p>Opening it begins the recovery of what an earlier process left, in the background; until that
 * has ended {@link #sandboxes()} and {@link #containers()} answer {@code UNAVAILABLE}. Closing it
 * leaves all pods running. Thread-safe.
 */
public final class SandboxManager implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(SandboxManager.class.getName());

  /** The part of this process's open files that reading usage may have. */
  private static final int USAGE_SHARE = 4;

  private final PodPaths paths;
  private final Registry registry = new Registry();
  private final RecordStore records;
  private final PodNetwork network;
  private final ShimEvents events;
  private final PodEvents podEvents;
  private final Shims shims;
  private final ExitWatch exits;
  private final PodPause pause;
  private final RunPodSandbox runPodSandbox;
  private final StopPodSandbox stopPodSandbox;
  private final CreateContainer createContainer;
  private final StartContainer startContainer;
  private final StopContainer stopContainer;
  private final RemoveContainer removeContainer;
  private final ExecSync execSync;
  private final UpdateContainerResources updateContainer;
  private final CheckpointContainer checkpointContainer;
  private final PodStreams streams;
  private final Plugins plugins;
  private final UserNamespaceSupport userNamespaces;
  private final WritableLayers layers;
  private final UsageReader usage;
  private final HandlerShims handlerShims;
  private final Tasks tasks;
  private final Audit audit;
  private final Handlers handlers;
  private final Bundles bundles;
  private final CountDownLatch recovered = new CountDownLatch(1);
  private volatile boolean closed;

  /**
   * Opens the manager and begins to recover what an earlier process left.
   *
   * @param store where pods and containers are recorded; stays the caller's to close
   * @param images what containers are made of; stays the caller's to close
   */
  public static SandboxManager open(SandboxSettings settings, MetadataStore store, Images images) {
    return new SandboxManager(
        settings,
        store,
        new PulledImages(images),
        new DefaultSeccompProfile()::forCapabilities,
        Clock.systemUTC());
  }

  /** Builds the object graph, bottom up. */
  SandboxManager(
      SandboxSettings settings,
      MetadataStore store,
      ContainerImages images,
      Function<Set<String>, Seccomp> runtimeDefault,
      Clock clock) {
    paths = new PodPaths(settings.state());
    prepareState();
    records = new RecordStore(store);
    PodNamespaces namespaces = new PodNamespaces(paths, settings.logWriter());
    PodFiles files = new PodFiles(paths);
    CgroupParents cgroups = CgroupParents.of(settings);
    bundles = new Bundles(paths);
    HostFacts host = HostFacts.read();
    handlers = new Handlers(settings, registry);
    CdiDevices cdi = new CdiDevices(settings.cdiSpecDirs());
    plugins = new Plugins(registry, namespaces, bundles, cdi);
    network =
        new PodNetwork(
            settings.network().mode(),
            cniNetwork(settings.network(), namespaces),
            new OwnPodNetwork(
                new BridgeNetwork(settings.network().bridge(), HostNetwork.OWN),
                paths,
                namespaces));
    layers = new WritableLayers(images);
    usage =
        new UsageReader(
            registry,
            paths,
            namespaces,
            cgroups,
            layers,
            new UsageMeters(OpenFileLimit.share(USAGE_SHARE)));
    podEvents = new PodEvents(registry, paths, clock, usage::forget);
    events = ShimEvents.listen(paths.eventsSocket(), settings.instance(), _ -> {});
    ShimSettings shimSettings = shimSettings(settings);
    shims = new Shims(shimSettings);
    handlerShims = new HandlerShims(shims, records, paths, settings.cgroupDriver());
    tasks = new Tasks(handlerShims, paths);
    exits = new ExitWatch(tasks, cgroups, handlers, plugins);
    pause = new PodPause(tasks, bundles, cgroups, namespaces, handlers, host, settings.logWriter());
    ReleasePodSandbox release =
        new ReleasePodSandbox(registry, records, namespaces, files, network, pause, cgroups);
    userNamespaces =
        new UserNamespaceSupport(settings.logWriter(), settings.root(), settings.state());
    var features = new HandlerFeatures(handlers, userNamespaces::isThere);
    runPodSandbox =
        new RunPodSandbox(
            registry,
            records,
            handlers,
            features,
            namespaces,
            files,
            network,
            cgroups,
            pause,
            release,
            paths,
            podEvents,
            plugins,
            clock);
    stopContainer = new StopContainer(tasks, plugins);
    ImageVolumes volumes = new ImageVolumes(images, paths, namespaces);
    removeContainer =
        new RemoveContainer(
            registry, records, tasks, bundles, images, volumes, handlers, podEvents, plugins);
    stopPodSandbox =
        new StopPodSandbox(
            registry, records, release, stopContainer, removeContainer, podEvents, plugins);
    createContainer =
        new CreateContainer(
            registry,
            records,
            images,
            volumes,
            new ContainerSpecs(
                new SpecGenerator(runtimeDefault),
                host,
                namespaces,
                files,
                pause,
                registry,
                cdi,
                new AppArmor(settings.instance())),
            bundles,
            tasks,
            exits,
            handlers,
            features,
            cgroups,
            removeContainer,
            podEvents,
            plugins,
            settings.logWriter(),
            clock);
    startContainer = new StartContainer(registry, tasks, handlers, exits, plugins, clock);
    execSync = new ExecSync(tasks, paths);
    updateContainer = new UpdateContainerResources(tasks, host, plugins);
    checkpointContainer =
        new CheckpointContainer(
            tasks, images, handlers, paths, CheckpointContainer.directory(settings.root()), clock);
    checkpointContainer.deleteLeftovers();
    audit =
        new Audit(
            new PodAuditors(settings, paths, records, registry)
                .all(namespaces, files, network, cgroups, images, shimSettings));
    streams = new PodStreams(registry, tasks, namespaces, paths, this::requireRecovered);
    recoverInBackground(
        new Recovery(
            registry,
            records,
            tasks,
            exits,
            namespaces,
            network,
            pause,
            release,
            removeContainer,
            podEvents,
            settings.initialRecoveryTimeout(),
            clock));
    var requests = new PluginRequests(plugins, registry, updateContainer, stopContainer, recovered);
    settings.nri().ifPresent(nri -> plugins.listen(nri, requests));
  }

  private CniPodNetwork cniNetwork(NetworkSettings settings, PodNamespaces namespaces) {
    Map<String, Networks> byHandler = new HashMap<>();
    settings
        .handlerConfDirs()
        .forEach((handler, dir) -> byHandler.put(handler, new Networks(dir, settings.cni())));
    return new CniPodNetwork(
        new Networks(settings.cniConfDir(), settings.cni()), byHandler, paths, namespaces);
  }

  private ShimSettings shimSettings(SandboxSettings settings) {
    return new ShimSettings(
        settings.instance(),
        paths.state().resolve("shims").toString(),
        paths.eventsSocket(),
        settings.logWriter(),
        List.of(),
        LOG.isLoggable(System.Logger.Level.DEBUG),
        Map.of(
            "BERTH_SHIM_CGROUP",
            CgroupParents.shimCgroup(settings),
            "BERTH_CRIU",
            settings.criu().map(Path::toString).orElse("")));
  }

  /** Others may pass through the state directory, but only root may look into it (rule R18). */
  private void prepareState() {
    try {
      AtomicFiles.createPrivateDirectories(paths.state());
      Files.setPosixFilePermissions(paths.state(), PosixFilePermissions.fromString("rwx--x--x"));
      Files.deleteIfExists(paths.eventsSocket()); // of a process that was killed
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "cannot prepare " + paths.state() + ": " + e, e);
    }
  }

  private void recoverInBackground(Recovery recovery) {
    Thread.ofVirtual()
        .name("recovery")
        .start(() -> {
          try {
            recovery.run();
          } catch (RuntimeException e) { // outermost of its thread
            LOG.log(System.Logger.Level.ERROR, "recovery failed", e);
          } finally {
            recovered.countDown();
          }
          recovery.checkNetworks(() -> !closed);
        });
  }

  /** Waits until recovery has ended; says whether it has. */
  public boolean awaitRecovery(Duration limit) throws InterruptedException {
    return recovered.await(limit.toMillis(), TimeUnit.MILLISECONDS);
  }

  /** Tells whether recovery has ended. */
  public boolean isRecovered() {
    return recovered.getCount() == 0;
  }

  /** Tells whether pods can get a network. */
  public NetworkStatus networkStatus() {
    return network.status();
  }

  /**
   * Tells whether pods of Berth's own handlers can have user namespaces: kernel and file systems
   * allow it. Found out by trying, once.
   */
  public boolean supportsUserNamespaces() {
    return userNamespaces.isThere();
  }

  /** Returns the sandboxes. */
  public Sandboxes sandboxes() {
    return new ManagedSandboxes();
  }

  /**
   * Replaces the process of a runtime handler's shim by one of the program that is installed now.
   * No container ends, and none of what goes on in them is interrupted, but for an ExecSync that
   * takes longer than ten seconds: it fails with UNAVAILABLE.
   *
   * @param handler empty for the default one
   * @throws BerthException NOT_FOUND if there is no such handler, or no shim of it that takes over
   *     what another one had
   */
  public ShimUpgrade upgradeShim(String handler, Operation operation) {
    requireRecovered();
    return handlerShims.upgrade(handlers.require(handler), operation);
  }

  /** Returns the containers. */
  public Containers containers() {
    return new ManagedContainers();
  }

  /**
   * Compares what this instance has made with its records, and returns what differs; empty if all
   * is well. Takes seconds if something does: it is looked at again, because it may be on its way.
   *
   * @throws BerthException UNAVAILABLE until recovery has ended
   */
  public List<AuditFinding> audit(Operation operation) {
    requireRecovered();
    return audit.run(operation);
  }

  /**
   * Returns the records that were set aside because they cannot be read, by name, each with the
   * reason; empty in good health.
   */
  public Map<String, String> quarantined() {
    return records.quarantined();
  }

  /** Returns what happens to pods from now on. */
  public PodEventFeed events() {
    return podEvents.open();
  }

  /** Returns what pods and containers use. */
  public Usage usage() {
    return new ManagedUsage();
  }

  /** Returns what clients talk to inside pods. */
  public Streams streams() {
    return streams;
  }

  /** Stops watching; pods and their shims go on. Idempotent. */
  @Override
  public void close() {
    closed = true;
    plugins.close();
    execSync.close();
    network.close();
    usage.close();
    layers.close();
    exits.close();
    pause.close();
    events.close();
    shims.close();
  }

  private void requireRecovered() {
    if (!isRecovered()) {
      throw new BerthException(UNAVAILABLE, "still recovering the pods of an earlier process");
    }
  }

  private final class ManagedSandboxes implements Sandboxes {
    @Override
    public SandboxStatus run(PodSandboxConfig config, String runtimeHandler, Operation operation) {
      requireRecovered();
      return runPodSandbox.run(config, runtimeHandler, operation);
    }

    @Override
    public void stop(String sandboxId, Operation operation) {
      requireRecovered();
      registry
          .sandboxes
          .find(sandboxId)
          .ifPresent(sandbox -> stopPodSandbox.stop(sandbox, operation));
    }

    @Override
    public void remove(String sandboxId, Operation operation) {
      requireRecovered();
      registry
          .sandboxes
          .find(sandboxId)
          .ifPresent(sandbox -> stopPodSandbox.remove(sandbox, operation));
    }

    @Override
    public void update(
        String sandboxId,
        Optional<LinuxContainerResources> overhead,
        Optional<LinuxContainerResources> resources,
        Operation operation) {
      requireRecovered();
      Sandbox sandbox = registry.sandboxes.require(sandboxId);
      plugins.updatePodSandbox(
          sandbox,
          overhead.orElse(LinuxContainerResources.getDefaultInstance()),
          resources.orElse(LinuxContainerResources.getDefaultInstance()));
      try (var _ = sandbox.change(operation)) {
        sandbox.requireThere();
        var config = sandbox.record().config().toBuilder();
        overhead.ifPresent(config.getLinuxBuilder()::setOverhead);
        resources.ifPresent(config.getLinuxBuilder()::setResources);
        SandboxRecord changed = sandbox.record().with(config.build());
        records.put(changed);
        sandbox.describe(changed);
      }
      plugins.updatedPodSandbox(sandbox);
    }

    @Override
    public SandboxStatus status(String sandboxId) {
      requireRecovered();
      return registry.sandboxes.require(sandboxId).status(paths);
    }

    @Override
    public SandboxDetails details(String sandboxId) {
      requireRecovered();
      Sandbox sandbox = registry.sandboxes.require(sandboxId);
      return new SandboxDetails(
          sandbox.status(paths),
          registry.containersOf(sandbox.id()).stream()
              .flatMap(container -> container.pid().stream())
              .findFirst()
              .orElse(0),
          handlers.typeOf(sandbox.id()),
          bundles.spec(sandbox.id()));
    }

    @Override
    public List<SandboxStatus> list(SandboxFilter filter) {
      requireRecovered();
      return registry.list(filter, paths);
    }
  }

  private final class ManagedUsage implements Usage {
    @Override
    public ContainerUsage container(String containerId) {
      requireRecovered();
      return usage.container(registry.containers.require(containerId));
    }

    @Override
    public List<ContainerUsage> containers(ContainerFilter filter) {
      requireRecovered();
      return usage.containers(filter);
    }

    @Override
    public SandboxUsage sandbox(String sandboxId) {
      requireRecovered();
      return usage.sandbox(registry.sandboxes.require(sandboxId));
    }

    @Override
    public List<SandboxUsage> sandboxes(SandboxFilter filter) {
      requireRecovered();
      return usage.sandboxes(filter);
    }

    @Override
    public List<SandboxMetrics> metrics() {
      requireRecovered();
      return usage.metrics();
    }

    @Override
    public UsageGaps gaps() {
      return usage.gaps();
    }
  }

  private final class ManagedContainers implements Containers {
    @Override
    public ContainerStatus create(
        String sandboxId,
        ContainerConfig config,
        PodSandboxConfig sandboxConfig,
        Operation operation) {
      requireRecovered();
      Sandbox sandbox = registry.sandboxes.require(sandboxId);
      return createContainer.create(sandbox, config, sandboxConfig, operation);
    }

    @Override
    public void start(String containerId, Operation operation) {
      requireRecovered();
      startContainer.start(registry.containers.require(containerId), operation);
    }

    @Override
    public void stop(String containerId, Duration timeout, Operation operation) {
      requireRecovered();
      registry
          .containers
          .find(containerId)
          .ifPresent(container -> stopContainer.stop(container, timeout, operation));
    }

    @Override
    public void remove(String containerId, Operation operation) {
      requireRecovered();
      registry
          .containers
          .find(containerId)
          .ifPresent(container -> removeContainer.remove(container, operation));
    }

    @Override
    public ContainerStatus status(String containerId) {
      requireRecovered();
      return registry.containers.require(containerId).record().status();
    }

    @Override
    public ContainerDetails details(String containerId) {
      requireRecovered();
      Container container = registry.containers.require(containerId);
      return new ContainerDetails(
          container.record().status(),
          handlers.typeOf(container.record().sandboxId()),
          bundles.spec(container.id()),
          container.isBeingRemoved());
    }

    @Override
    public List<ContainerStatus> list(ContainerFilter filter) {
      requireRecovered();
      return registry.list(filter);
    }

    @Override
    public ExecResult execSync(
        String containerId, List<String> command, Duration timeout, Operation operation) {
      requireRecovered();
      return execSync.run(registry.containers.require(containerId), command, timeout, operation);
    }

    @Override
    public void update(String containerId, LinuxContainerResources change, Operation operation) {
      requireRecovered();
      updateContainer.update(registry.containers.require(containerId), change, operation);
    }

    @Override
    public void checkpoint(
        String containerId, String location, Duration timeout, Operation operation) {
      requireRecovered();
      checkpointContainer.checkpoint(
          registry.containers.require(containerId), location, timeout, operation);
    }

    @Override
    public void reopenLog(String containerId, Operation operation) {
      requireRecovered();
      Container container = registry.containers.require(containerId);
      if (!(container.currentState() instanceof ContainerState.Running)) {
        throw new BerthException(
            BerthException.Kind.FAILED_PRECONDITION,
            "container " + container.id() + " is not running: it is " + container.describe());
      }
      container
          .record()
          .logPath()
          .ifPresent(log -> tasks.reopenLog(container.id(), log, operation));
    }
  }
}
