package dev.berth.sandbox;

import static java.lang.System.Logger.Level.DEBUG;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.shim.client.TaskExit;
import dev.berth.shim.client.TaskState;
import java.time.Clock;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;

/**
 * Takes up what an earlier process of this instance left: records are read, and what they say is
 * compared with what is there.
 *
 * <p>What is recorded is what is listed, as soon as the kernel has the process that goes with it;
 * the shims are asked meanwhile, all at once, and calls for a task wait until its shim answers. Of
 * what has no process any more the shims may know better, and are waited for a moment. So a shim
 * that is frozen delays what is asked of its own containers, and no list. What was left half made
 * is undone, and listed as NOT_READY while that takes or if it fails. After a reboot all that lived
 * in memory is gone, and the plugins are told so by the next stop. One bad record never keeps the
 * others from being recovered.
 */
final class Recovery {
  private static final System.Logger LOG = System.getLogger(Recovery.class.getName());

  private static final Duration CHECK_LIMIT = Duration.ofMinutes(1);

  /** How long lists wait for shims that may know better than the record. */
  private static final Duration SETTLING = Duration.ofMillis(500);

  /** How long they wait for what is undone: a plugin, or the shim of a pause, may stand still. */
  private static final Duration UNDOING = Duration.ofSeconds(5);

  /** Of all networks together: nothing is answered meanwhile. */
  private static final Duration GARBAGE_LIMIT = Duration.ofSeconds(10);

  private final Registry registry;
  private final RecordStore records;
  private final Tasks tasks;
  private final ExitWatch exits;
  private final PodNamespaces namespaces;
  private final PodNetwork network;
  private final PodPause pause;
  private final ReleasePodSandbox release;
  private final RemoveContainer removeContainer;
  private final PodEvents events;
  private final Duration shimLimit;
  private final Clock clock;
  private final String bootId = BootId.current();

  Recovery(
      Registry registry,
      RecordStore records,
      Tasks tasks,
      ExitWatch exits,
      PodNamespaces namespaces,
      PodNetwork network,
      PodPause pause,
      ReleasePodSandbox release,
      RemoveContainer removeContainer,
      PodEvents events,
      Duration shimLimit,
      Clock clock) {
    this.registry = registry;
    this.records = records;
    this.tasks = tasks;
    this.exits = exits;
    this.namespaces = namespaces;
    this.network = network;
    this.pause = pause;
    this.release = release;
    this.removeContainer = removeContainer;
    this.events = events;
    this.shimLimit = shimLimit;
    this.clock = clock;
  }

  /** Recovers everything; returns when all states are as right as they can be known at once. */
  void run() {
    List<Sandbox> sandboxes = records.sandboxes().stream().map(this::register).toList();
    List<Container> containers = records.containers().stream().map(this::register).toList();
    safely("the pod network", _ -> network.restore());
    try (ExecutorService all =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("recover-", 0).factory())) {
      containers.forEach(container -> all.execute(() -> safely(container, this::recover)));
    }
    try (ExecutorService all =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("recover-", 0).factory())) {
      sandboxes.forEach(sandbox -> all.execute(() -> safely(sandbox, this::recover)));
    }
    safely("the networks of plugins", _ -> collectGarbage());
    LOG.log(
        INFO,
        "recovered {0} sandboxes and {1} containers",
        registry.sandboxes.all().size(),
        registry.containers.all().size());
  }

  /**
   * Has the plugins check the networks of the sandboxes that run on, one after the other, and
   * reports what they find; nobody has to wait for it.
   *
   * @param goOn asked before each
   */
  void checkNetworks(BooleanSupplier goOn) {
    for (Sandbox sandbox : registry.sandboxes.all()) {
      if (goOn.getAsBoolean()) {
        checkNetwork(sandbox);
      }
    }
    LOG.log(DEBUG, "checked the networks of all sandboxes");
  }

  private void checkNetwork(Sandbox sandbox) {
    Operation operation = Operation.start("CNI CHECK", CHECK_LIMIT, null);
    try (var _ = sandbox.use(operation)) {
      if (sandbox.state() == SandboxState.READY) {
        network.check(sandbox.record(), operation);
      }
    } catch (BerthException e) {
      LOG.log(WARNING, "the network of sandbox {0}: {1}", sandbox.id(), e.getMessage());
    }
  }

  /** Nobody attaches or detaches before recovery has ended, as GC demands. */
  private void collectGarbage() {
    List<SandboxRecord> all = registry.sandboxes.all().stream().map(Sandbox::record).toList();
    network.collectGarbage(all, Operation.start("CNI GC", GARBAGE_LIMIT, null));
  }

  private Sandbox register(SandboxRecord record) {
    Sandbox sandbox = new Sandbox(record);
    registry.sandboxNames.reserve(record.name(), record.id());
    registry.sandboxes.put(record.id(), sandbox);
    safely(sandbox, _ -> network.adopt(record, record.bootId().equals(bootId)));
    return sandbox;
  }

  private Container register(ContainerRecord record) {
    Container container = new Container(record, records::put, events::changed);
    registry.containerNames.reserve(record.name(), record.id());
    registry.containers.put(record.id(), container);
    return container;
  }

  /** The outermost frame of a recovering thread: whatever goes wrong is that object's alone. */
  private static <T> void safely(T object, Consumer<T> recover) {
    try {
      recover.accept(object);
    } catch (RuntimeException e) {
      LOG.log(WARNING, "cannot recover " + object, e);
    }
  }

  private void recover(Sandbox sandbox) {
    SandboxRecord record = sandbox.record();
    switch (record.phase()) {
      case PREPARING ->
          settle(
              Thread.ofVirtual()
                  .name("undo-" + record.id())
                  .start(() -> safely(sandbox, this::undo)),
              UNDOING);
      case READY -> {
        sandbox.markNetworkTouched(true);
        boolean isThere =
            record.bootId().equals(bootId) && namespaces.areAlive(record.id(), record.config());
        if (isThere) {
          sandbox.update(record); // before anybody reports the end of its pause
        }
        if (!isThere || !pause.adopt(sandbox, shimLimit)) {
          sandbox.markUnusable();
        }
      }
      case STOPPED -> sandbox.markUnusable();
    }
  }

  /** It may have a pause at a shim that is frozen: until it is gone it is listed as NOT_READY. */
  private void undo(Sandbox sandbox) {
    Operation operation = Operation.internal("undo of RunPodSandbox");
    try (var _ = sandbox.change(operation)) {
      if (!sandbox.isRemoved()) {
        sandbox.markNetworkTouched(true); // nobody knows how far it came
        release.release(sandbox, operation);
        release.forget(sandbox);
      }
    }
  }

  private void recover(Container container) {
    ContainerRecord record = container.record();
    if (registry.sandboxes.find(record.sandboxId()).isEmpty()) {
      LOG.log(WARNING, "container " + record.id() + " has no sandbox and is removed");
      removeContainer.removeOrphan(container);
      return;
    }
    if (record.state() instanceof ContainerState.Exited) {
      Thread _ = tasks.expect(container.id(), () -> safely(container, this::free));
      return;
    }
    if (!record.bootId().equals(bootId)) {
      container.exited(ExitReport.unknown(clock.instant(), "the machine was restarted"));
      return;
    }
    // A process that waits to be started may be what a shim has left half made.
    boolean isInDoubt = record.state() instanceof ContainerState.Created;
    boolean isRight = exits.isAlive(container) && !isInDoubt;
    container.markInDoubt(isInDoubt);
    Thread adoption = tasks.expect(container.id(), () -> safely(container, this::adopt));
    if (!isRight) {
      settle(adoption);
    }
  }

  /** Waits for a moment for what a shim says. */
  static void settle(Thread work) {
    settle(work, SETTLING);
  }

  private static void settle(Thread work, Duration limit) {
    try {
      boolean _ = work.join(limit);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** The task of a container that has exited may not have been freed yet. */
  private void free(Container container) {
    try {
      if (exits.adopt(container, shimLimit).isPresent()) {
        exits.free(container);
      }
    } catch (BerthException e) {
      LOG.log(DEBUG, "the task of an exited container is gone", e);
    }
  }

  private void adopt(Container container) {
    try {
      exits.adopt(container, shimLimit).ifPresent(task -> reconcile(container, task));
    } catch (BerthException e) {
      taskIsGone(container, e);
    }
    container.markInDoubt(false);
  }

  /** A created container without a task was never finished; one that ran ended unseen. */
  private void taskIsGone(Container container, BerthException why) {
    boolean isHalfMade =
        why.kind() == BerthException.Kind.NOT_FOUND
            && container.currentState() instanceof ContainerState.Created;
    if (!isHalfMade || exits.isAlive(container)) {
      exits.end(container, why);
    }
    if (isHalfMade) {
      removeContainer.remove(container, Operation.internal("undo of CreateContainer"));
    }
  }

  private void reconcile(Container container, TaskState task) {
    switch (task.status()) {
      case STOPPED -> {
        Instant at = task.exitedAt() == null ? clock.instant() : task.exitedAt();
        exits.report(container, new TaskExit(task.pid(), task.exitStatus(), at));
      }
      case CREATED -> exits.watch(container);
      case RUNNING, PAUSED, PAUSING -> {
        container.foundRunning(task.pid(), clock.instant());
        boolean _ = exits.attend(container, task.pid()); // its shim tells of its end if it is over
        exits.watch(container);
        if (task.status() != TaskState.Status.RUNNING) {
          tasks.resumeSurely(container.id()); // its checkpoint was cut short
        }
      }
      case UNKNOWN -> container.lost("its shim does not know its state");
    }
  }
}
