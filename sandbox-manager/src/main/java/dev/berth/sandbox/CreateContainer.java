package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static java.nio.charset.StandardCharsets.UTF_8;
import static java.util.Objects.requireNonNull;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.base.Rollback;
import dev.berth.base.SingleFlight;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.shim.types.Mount;
import dev.berth.runtime.Signals;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.sandbox.spec.AccountFiles;
import dev.berth.sandbox.spec.Users;
import dev.berth.shim.client.TaskIo;
import java.net.URLEncoder;
import java.nio.file.Path;
import java.time.Clock;
import java.util.List;

/** Makes a container, stage by stage; what is to be undone is durable before the first. */
final class CreateContainer {
  private final Registry registry;
  private final RecordStore records;
  private final ContainerImages images;
  private final ImageVolumes volumes;
  private final ContainerSpecs specs;
  private final Bundles bundles;
  private final Tasks tasks;
  private final ExitWatch exits;
  private final Handlers handlers;
  private final HandlerFeatures features;
  private final CgroupParents cgroups;
  private final RemoveContainer remove;
  private final PodEvents events;
  private final Plugins plugins;
  private final Path logWriter;
  private final Clock clock;
  private final String bootId = BootId.current();
  private final SingleFlight<Request, ContainerStatus> flights = new SingleFlight<>();

  /** Requests that are the same share one flight. */
  private record Request(String sandboxId, ContainerConfig config) {
    @Override
    public String toString() {
      return ContainerName.of(sandboxId, config).toString();
    }
  }

  /** A container on its way: what the stages hand on to each other. */
  private record Draft(
      Sandbox sandbox, Container container, ContainerImages.Image image, Users.Resolved user) {
    String id() {
      return container.id();
    }
  }

  CreateContainer(
      Registry registry,
      RecordStore records,
      ContainerImages images,
      ImageVolumes volumes,
      ContainerSpecs specs,
      Bundles bundles,
      Tasks tasks,
      ExitWatch exits,
      Handlers handlers,
      HandlerFeatures features,
      CgroupParents cgroups,
      RemoveContainer remove,
      PodEvents events,
      Plugins plugins,
      Path logWriter,
      Clock clock) {
    this.registry = registry;
    this.records = records;
    this.images = images;
    this.volumes = volumes;
    this.specs = specs;
    this.bundles = bundles;
    this.tasks = tasks;
    this.exits = exits;
    this.handlers = handlers;
    this.features = features;
    this.cgroups = cgroups;
    this.remove = remove;
    this.events = events;
    this.plugins = plugins;
    this.logWriter = logWriter;
    this.clock = clock;
  }

  ContainerStatus create(
      Sandbox sandbox,
      ContainerConfig config,
      PodSandboxConfig sandboxConfig,
      Operation operation) {
    ContainerName.of(sandbox.id(), config);
    return flights.join(
        new Request(sandbox.id(), config),
        operation,
        flight -> {
          try (var _ = sandbox.use(flight)) {
            return createOnce(sandbox, config, sandboxConfig, flight);
          }
        });
  }

  private ContainerStatus createOnce(
      Sandbox sandbox,
      ContainerConfig config,
      PodSandboxConfig sandboxConfig,
      Operation operation) {
    operation.enter(CreateContainerStage.RESERVE);
    if (sandbox.state() != SandboxState.READY) {
      throw new BerthException(FAILED_PRECONDITION, "sandbox " + sandbox.id() + " is not ready");
    }
    ContainerConfigs.check(config, sandbox.record());
    features.check(config, sandbox.record().runtimeHandler());
    String id = Ids.generate();
    ContainerName name = ContainerName.of(sandbox.id(), config);
    operation.concerns(id, name.toString());
    registry.containerNames.reserve(name, id);
    try (var rollback = new Rollback()) {
      rollback.onFailure("release the name", () -> registry.containerNames.release(name, id));
      Draft draft = draft(id, sandbox, volumes.resolve(config), sandboxConfig);
      record(draft, operation);
      rollback.commit(); // from here on the undo of the container releases its name
      return build(draft, operation);
    }
  }

  private Draft draft(
      String id, Sandbox sandbox, ContainerConfig config, PodSandboxConfig sandboxConfig) {
    ContainerImages.Image image = images.require(config.getImage().getImage());
    Users.Resolved user =
        Users.resolve(
            config.getLinux().getSecurityContext(), image.defaults().user(), accounts(image));
    var record =
        new ContainerRecord(
            id,
            sandbox.id(),
            config,
            image.identity(),
            user.ids(),
            stopSignal(config, image),
            LogPaths.of(logDirectory(sandbox, sandboxConfig), config.getLogPath()),
            cgroups.cgroupOf(sandbox.record(), id),
            bootId,
            new ContainerState.Created(clock.instant()));
    return new Draft(sandbox, new Container(record, records::put, events::changed), image, user);
  }

  private AccountFiles accounts(ContainerImages.Image image) {
    try {
      return images.accounts(image);
    } catch (BerthException e) {
      throw e.during("users of image " + image.identity().name());
    }
  }

  private static int stopSignal(ContainerConfig config, ContainerImages.Image image) {
    return CriSignals.toKernel(config.getStopSignalValue())
        .orElseGet(() ->
            image.stopSignal().isEmpty() ? CriSignals.SIGTERM : Signals.parse(image.stopSignal()));
  }

  private static String logDirectory(Sandbox sandbox, PodSandboxConfig given) {
    String recorded = sandbox.record().config().getLogDirectory();
    return recorded.isEmpty() ? given.getLogDirectory() : recorded;
  }

  private void record(Draft draft, Operation operation) {
    operation.enter(CreateContainerStage.RECORD);
    ContainerRecord record = draft.container().record();
    var batch = new MetadataStore.Batch();
    images.intend(batch, record.snapshotKey(), draft.image());
    volumes.intend(batch, record);
    RecordStore.add(batch, record);
    records.commit(batch);
  }

  private ContainerStatus build(Draft draft, Operation operation) {
    try {
      make(draft, operation);
      return draft.container().record().status();
    } catch (RuntimeException failure) {
      undo(draft.container(), failure);
      throw failure;
    }
  }

  private void make(Draft draft, Operation operation) {
    ContainerRecord record = draft.container().record();
    operation.enter(CreateContainerStage.SNAPSHOT);
    SandboxRecord sandbox = draft.sandbox().record();
    List<Mount> rootfs =
        MappedLayers.of(
            images.prepare(record.snapshotKey(), draft.image()), PodIds.of(sandbox.config()));

    operation.enter(CreateContainerStage.BUNDLE);
    bundles.create(draft.id(), spec(draft, operation));
    record.logPath().ifPresent(log -> LogPaths.prepare(log, record.config().getLogPath()));

    operation.enter(CreateContainerStage.SHIM);
    RuntimeHandler handler = handlers.require(sandbox.runtimeHandler());
    tasks.launch(draft.id(), handler, operation);

    operation.enter(CreateContainerStage.TASK);
    tasks.create(draft.id(), rootfs, io(record), handler, operation);
    exits.watch(draft.container());

    operation.enter(CreateContainerStage.PUBLISH);
    registry.containers.put(draft.id(), draft.container());
    events.tell(PodEvent.Kind.CREATED, record);
    plugins.createdContainer(draft.container());
  }

  /** Generates the spec; the last to adjust it are the plugins. */
  private RuntimeSpec spec(Draft draft, Operation operation) {
    ContainerRecord record = draft.container().record();
    SandboxRecord sandbox = draft.sandbox().record();
    RuntimeSpec generated =
        specs.generate(
            sandbox, record, draft.image(), draft.user(), volumes.mount(record, sandbox));
    RuntimeSpec adjusted = plugins.createContainer(record, generated, operation);
    String cgroup = requireNonNull(requireNonNull(adjusted.linux()).cgroupsPath());
    if (!cgroup.equals(record.cgroup())) {
      draft.container().moved(cgroup);
    }
    return adjusted;
  }

  /** Without a log, clients of Berth's shim can attach all the same; any other drops the output. */
  private TaskIo io(ContainerRecord record) {
    ContainerConfig config = record.config();
    boolean attachable = tasks.hasExtension(record.id());
    TaskIo output =
        record
            .logPath()
            .map(log -> TaskIo.logger(logger(log), config.getTty()))
            .orElseGet(() ->
                attachable
                    ? TaskIo.unlogged(config.getTty())
                    : new TaskIo("", "", "", config.getTty()));
    return attachable && config.getStdin()
        ? output.withAttachedStdin(config.getStdinOnce())
        : output;
  }

  private String logger(Path log) {
    return "binary://"
        + logWriter
        + "?log="
        + URLEncoder.encode(log.toString(), UTF_8).replace("+", "%20");
  }

  /** What cannot be undone is listed, so that a later remove finds it. */
  private void undo(Container container, RuntimeException failure) {
    try {
      remove.remove(container, Operation.internal("undo of CreateContainer"));
    } catch (RuntimeException e) {
      failure.addSuppressed(e);
      container.lost("could not be undone: " + e.getMessage());
      registry.containers.put(container.id(), container);
    }
  }
}
