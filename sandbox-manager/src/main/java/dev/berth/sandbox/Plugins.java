package dev.berth.sandbox;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.nri.ContainerEviction;
import dev.berth.proto.nri.ContainerUpdate;
import dev.berth.proto.nri.LinuxResources;
import dev.berth.proto.nri.PodSandbox;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.sandbox.nri.Limits;
import dev.berth.sandbox.nri.NriPlugins;
import dev.berth.sandbox.nri.NriPlugins.Notice;
import dev.berth.sandbox.nri.NriRuntime;
import dev.berth.sandbox.nri.NriSettings;
import dev.berth.sandbox.nri.SpecAdjustment;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Asks plugins, and tells them, at the points of the verbs that the Node Resource Interface names.
 *
 * <p>Costs nothing while no plugin is connected: no message is made and nobody is waited for. Stop
 * and remove cannot be refused; a plugin that objects to one is logged. Thread-safe.
 */
final class Plugins implements AutoCloseable {
  private static final Duration HOLD_LIMIT = Duration.ofMinutes(2);

  /** A container that plugins were asked about and that is not published yet. */
  private record Draft(ContainerRecord record, RuntimeSpec spec) {}

  private final Registry registry;
  private final PodNamespaces namespaces;
  private final Bundles bundles;
  private final Map<String, Draft> drafts = new ConcurrentHashMap<>();
  private volatile @Nullable NriPlugins nri;
  private volatile @Nullable NriRuntime runtime;

  Plugins(Registry registry, PodNamespaces namespaces, Bundles bundles) {
    this.registry = registry;
    this.namespaces = namespaces;
    this.bundles = bundles;
  }

  /**
   * Begins to listen; before that, there are no plugins.
   *
   * @param served what plugins may ask for
   */
  void listen(NriSettings settings, NriRuntime served) {
    runtime = served;
    nri = NriPlugins.open(settings, served).orElse(null);
  }

  /** Returns the plugins, or null if none need be asked. */
  private @Nullable NriPlugins asked() {
    NriPlugins all = nri;
    return all == null || all.isEmpty() ? null : all;
  }

  /** Returns what a plugin that joins is shown; called while none can be added. */
  NriRuntime.State state() {
    var pods = registry.sandboxes.all().stream().map(sandbox -> pod(sandbox.record())).toList();
    var published = registry.containers.all().stream().map(this::message);
    var unpublished =
        drafts.values().stream()
            .filter(draft -> registry.containers.find(draft.record().id()).isEmpty())
            .map(draft -> PluginMessages.container(draft.record(), Optional.of(draft.spec())));
    return new NriRuntime.State(pods, Stream.concat(published, unpublished).toList());
  }

  /**
   * Keeps plugins from joining until it is closed: what they are asked about meanwhile and what is
   * then published reaches each of them, and once.
   */
  NriPlugins.@Nullable Held hold(Operation operation) {
    NriPlugins all = nri;
    return all == null ? null : all.hold(operation.remaining(HOLD_LIMIT));
  }

  /**
   * Asks whether a sandbox may run; called with joining plugins held off.
   *
   * @throws BerthException what a plugin that refuses it said
   */
  void runPodSandbox(Sandbox sandbox) {
    NriPlugins all = asked();
    if (all == null) {
      return;
    }
    PodSandbox pod = pod(sandbox.record());
    try {
      all.tell(Notice.RUN_POD_SANDBOX, pod, null);
    } catch (BerthException e) {
      all.inform(Notice.REMOVE_POD_SANDBOX, pod, null); // those asked before have agreed to it
      throw e;
    }
  }

  /** Asks whether the sums of a sandbox may change. */
  void updatePodSandbox(
      Sandbox sandbox, LinuxContainerResources overhead, LinuxContainerResources resources) {
    NriPlugins all = asked();
    if (all != null) {
      all.updatePodSandbox(pod(sandbox.record()), Limits.ofCri(overhead), Limits.ofCri(resources));
    }
  }

  /** Tells that the sums of a sandbox have changed. */
  void updatedPodSandbox(Sandbox sandbox) {
    inform(Notice.POST_UPDATE_POD_SANDBOX, sandbox);
  }

  /** Tells that all containers of a sandbox have ended; once. */
  void stopPodSandbox(Sandbox sandbox) {
    sandbox.stopNotice().tell(() -> inform(Notice.STOP_POD_SANDBOX, sandbox));
  }

  /** Tells that a sandbox is removed; once. */
  void removePodSandbox(Sandbox sandbox) {
    sandbox.removeNotice().tell(() -> inform(Notice.REMOVE_POD_SANDBOX, sandbox));
  }

  private void inform(Notice notice, Sandbox sandbox) {
    NriPlugins all = asked();
    if (all != null) {
      all.inform(notice, pod(sandbox.record()), null);
    }
  }

  /**
   * Asks what is to be different about a new container, and does what plugins want of others.
   *
   * @return the spec as it is to be
   */
  RuntimeSpec createContainer(ContainerRecord record, RuntimeSpec spec, Operation operation) {
    NriPlugins.Creation creation;
    try (var _ = hold(operation)) {
      if (nri != null) {
        drafts.put(record.id(), new Draft(record, spec));
      }
      NriPlugins all = asked();
      if (all == null) {
        return spec;
      }
      creation =
          all.createContainer(podOf(record), PluginMessages.container(record, Optional.of(spec)));
    }
    RuntimeSpec adjusted = SpecAdjustment.apply(spec, creation.adjustment());
    drafts.put(record.id(), new Draft(record, adjusted));
    require(creation.updates());
    evict(creation.evictions());
    return adjusted;
  }

  /** Tells that a container was published. */
  void createdContainer(Container container) {
    drafts.remove(container.id());
    inform(Notice.POST_CREATE_CONTAINER, container);
  }

  /**
   * Asks whether a container may start.
   *
   * @throws BerthException what a plugin that refuses it said
   */
  void startContainer(Container container) {
    NriPlugins all = asked();
    if (all != null) {
      all.tell(Notice.START_CONTAINER, podOf(container.record()), message(container));
    }
  }

  /** Tells that a container was started. */
  void startedContainer(Container container) {
    inform(Notice.POST_START_CONTAINER, container);
  }

  /** Asks what a change of limits is to be, and does what plugins want of other containers. */
  LimitChange updateContainer(Container container, LinuxContainerResources change) {
    LimitChange asked = LimitChange.of(change);
    NriPlugins all = asked();
    if (all == null) {
      return asked;
    }
    NriPlugins.Update update =
        all.updateContainer(podOf(container.record()), message(container), Limits.ofCri(change));
    require(update.updates());
    evict(update.evictions());
    boolean unchanged = update.limits().equals(LinuxResources.getDefaultInstance());
    return unchanged ? asked : asked.with(update.limits());
  }

  /** Tells that the limits of a container have changed. */
  void updatedContainer(Container container) {
    inform(Notice.POST_UPDATE_CONTAINER, container);
  }

  /** Tells that a container has ended, and does what plugins want of others then; once. */
  void stoppedContainer(Container container) {
    container.stopNotice().tell(() -> tellOfEnd(container));
  }

  private void tellOfEnd(Container container) {
    NriPlugins all = asked();
    NriRuntime served = runtime;
    if (all != null && served != null && isKnown(container)) {
      var updates = all.stopContainer(podOf(container.record()), message(container));
      var _ = served.update(updates); // it logs what fails; the container has ended all the same
    }
  }

  /** Tells that a container is removed, before its spec is; once. */
  void removeContainer(Container container) {
    stoppedContainer(container); // also one that never ran, and has not ended either
    container.removeNotice().tell(() -> tellOfRemoval(container));
    drafts.remove(container.id());
  }

  private void tellOfRemoval(Container container) {
    if (isKnown(container)) {
      inform(Notice.REMOVE_CONTAINER, container);
    }
  }

  /** Tells whether plugins may have heard of it: not of one that failed before they were asked. */
  private boolean isKnown(Container container) {
    String id = container.id();
    return drafts.containsKey(id) || registry.containers.find(id).isPresent();
  }

  private void inform(Notice notice, Container container) {
    NriPlugins all = asked();
    if (all != null) {
      all.inform(notice, podOf(container.record()), message(container));
    }
  }

  private void require(List<ContainerUpdate> updates) {
    NriRuntime served = runtime;
    if (served == null) {
      return;
    }
    var failed = served.update(updates);
    if (!failed.isEmpty()) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION,
          "nri: the update of container "
              + failed.getFirst().getContainerId()
              + ", which a plugin asks for, failed");
    }
  }

  private void evict(List<ContainerEviction> evictions) {
    NriRuntime served = runtime;
    if (served != null) {
      served.evict(evictions);
    }
  }

  private dev.berth.proto.nri.Container message(Container container) {
    return PluginMessages.container(container.record(), bundles.spec(container.id()));
  }

  /** A container without a sandbox is one that recovery is about to remove. */
  private PodSandbox podOf(ContainerRecord container) {
    return registry
        .sandboxes
        .find(container.sandboxId())
        .map(sandbox -> pod(sandbox.record()))
        .orElseGet(() -> PodSandbox.newBuilder().setId(container.sandboxId()).build());
  }

  private PodSandbox pod(SandboxRecord record) {
    boolean hasNamespaces = record.phase() != SandboxRecord.Phase.STOPPED;
    return PluginMessages.pod(
        record, hasNamespaces ? namespaces.pathsOf(record.id(), record.config()) : Map.of());
  }

  /** Disconnects all plugins. Idempotent. */
  @Override
  public void close() {
    NriPlugins all = nri;
    if (all != null) {
      all.close();
    }
  }
}
