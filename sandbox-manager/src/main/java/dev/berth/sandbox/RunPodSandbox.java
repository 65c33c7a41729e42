package dev.berth.sandbox;

import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.base.Rollback;
import dev.berth.base.SingleFlight;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import java.time.Clock;
import java.util.List;

/**
 * Makes a sandbox, stage by stage; the record of what is to be undone is durable before the first.
 *
 * <p>The work belongs to the server: it goes on while any caller waits for it, and is undone when
 * none does.
 */
final class RunPodSandbox {
  private final Registry registry;
  private final RecordStore records;
  private final Handlers handlers;
  private final HandlerFeatures features;
  private final PodNamespaces namespaces;
  private final PodFiles files;
  private final PodNetwork network;
  private final CgroupParents cgroups;
  private final PodPause pause;
  private final ReleasePodSandbox release;
  private final PodPaths paths;
  private final PodEvents events;
  private final Plugins plugins;
  private final Clock clock;
  private final String bootId = BootId.current();
  private final SingleFlight<Request, SandboxStatus> flights = new SingleFlight<>();

  /** Requests that are the same share one flight. */
  private record Request(PodSandboxConfig config, String runtimeHandler) {
    @Override
    public String toString() {
      return SandboxName.of(config).toString();
    }
  }

  RunPodSandbox(
      Registry registry,
      RecordStore records,
      Handlers handlers,
      HandlerFeatures features,
      PodNamespaces namespaces,
      PodFiles files,
      PodNetwork network,
      CgroupParents cgroups,
      PodPause pause,
      ReleasePodSandbox release,
      PodPaths paths,
      PodEvents events,
      Plugins plugins,
      Clock clock) {
    this.registry = registry;
    this.records = records;
    this.handlers = handlers;
    this.features = features;
    this.namespaces = namespaces;
    this.files = files;
    this.network = network;
    this.cgroups = cgroups;
    this.pause = pause;
    this.release = release;
    this.paths = paths;
    this.events = events;
    this.plugins = plugins;
    this.clock = clock;
  }

  SandboxStatus run(PodSandboxConfig config, String runtimeHandler, Operation operation) {
    SandboxName.of(config);
    return flights.join(
        new Request(config, runtimeHandler),
        operation,
        flight -> runOnce(config, runtimeHandler, flight));
  }

  private SandboxStatus runOnce(
      PodSandboxConfig config, String runtimeHandler, Operation operation) {
    operation.enter(RunPodSandboxStage.RESERVE);
    SandboxConfigs.check(config);
    cgroups.check(config.getLinux().getCgroupParent());
    handlers.require(runtimeHandler);
    features.check(config, runtimeHandler);
    String id = Ids.generate();
    SandboxName name = SandboxName.of(config);
    operation.concerns(id, name.toString());
    registry.sandboxNames.reserve(name, id);
    try (var rollback = new Rollback()) {
      rollback.onFailure("release the name", () -> registry.sandboxNames.release(name, id));
      rollback.onFailure("give back the addresses", () -> network.release(id));
      Sandbox sandbox = record(id, config, runtimeHandler, operation);
      rollback.commit(); // from here on the undo of the sandbox releases its name
      return build(sandbox, operation);
    }
  }

  private Sandbox record(
      String id, PodSandboxConfig config, String runtimeHandler, Operation operation) {
    String networkConfig = network.choose(id, config, runtimeHandler);
    operation.enter(RunPodSandboxStage.RECORD);
    var record =
        new SandboxRecord(
            id,
            config,
            runtimeHandler,
            handlers.require(runtimeHandler).sandboxTask(),
            SandboxRecord.Phase.PREPARING,
            clock.instant(),
            bootId,
            networkConfig,
            "",
            List.of());
    records.put(record);
    return new Sandbox(record);
  }

  private SandboxStatus build(Sandbox sandbox, Operation operation) {
    try {
      make(sandbox, operation);
      publish(sandbox, operation);
      events.tell(PodEvent.Kind.CREATED, sandbox);
      events.tell(PodEvent.Kind.STARTED, sandbox);
      return sandbox.status(paths);
    } catch (RuntimeException failure) {
      undo(sandbox, failure);
      throw failure;
    }
  }

  /** Nobody can see or use it before all plugins have agreed to it. */
  private void publish(Sandbox sandbox, Operation operation) {
    try (var _ = plugins.hold(operation)) {
      plugins.runPodSandbox(sandbox);
      registry.sandboxes.put(sandbox.id(), sandbox);
    }
  }

  private void make(Sandbox sandbox, Operation operation) {
    SandboxRecord record = sandbox.record();
    String hostname = Hostnames.of(record.config());

    operation.enter(RunPodSandboxStage.NAMESPACES);
    namespaces.create(record.id(), record.config(), hostname);

    operation.enter(RunPodSandboxStage.FILES);
    files.create(record.id(), record.config(), hostname);

    operation.enter(RunPodSandboxStage.NETWORK);
    sandbox.markNetworkTouched(true);
    PodNetwork.Attached attached = network.attach(record, operation);

    operation.enter(RunPodSandboxStage.PAUSE); // a kernel in user space takes the network as it is
    pause.start(sandbox, operation);

    operation.enter(RunPodSandboxStage.READY);
    SandboxRecord ready = record.ready(attached.cniResult(), attached.ips());
    records.put(ready);
    sandbox.update(ready);
  }

  /** What cannot be undone is listed as NOT_READY, so that a later stop finds it. */
  private void undo(Sandbox sandbox, RuntimeException failure) {
    Operation undo = Operation.internal("undo of RunPodSandbox");
    sandbox.markUnusable();
    try {
      release.release(sandbox, undo);
      release.forget(sandbox);
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
      registry.sandboxes.put(sandbox.id(), sandbox);
    }
  }
}
