package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.sandbox.spec.HostFacts;
import dev.berth.sandbox.spec.PauseSpec;
import dev.berth.shim.client.TaskExit;
import dev.berth.shim.client.TaskIo;
import dev.berth.shim.client.TaskProcess;
import dev.berth.shim.client.TaskState;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Comparator;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.ConcurrentHashMap;
import java.util.function.BooleanSupplier;

/**
 * The pause of pods whose containers share one pid namespace: its first process, a task with the
 * sandbox's id that runs berth-init and reaps what the containers leave behind. Pods whose shim
 * wants a task for the pod itself have one too; to a kernel in user space it is the machine that
 * containers run in. Other pods have none.
 *
 * <p>Thread-safe; the caller sees to it that there is one call at a time for one sandbox.
 */
final class PodPause {
  private static final System.Logger LOG = System.getLogger(PodPause.class.getName());

  /** How long a shim that was not looked for before may take to say that it has a pause. */
  private static final Duration ANSWER_LIMIT = Duration.ofSeconds(2);

  private final Tasks tasks;
  private final Bundles bundles;
  private final CgroupParents cgroups;
  private final PodNamespaces namespaces;
  private final Handlers handlers;
  private final HostFacts host;
  private final Path program;
  private final Map<String, Integer> pids = new ConcurrentHashMap<>();

  private volatile boolean closed;

  /**
   * @param program absolute path of berth-init
   */
  PodPause(
      Tasks tasks,
      Bundles bundles,
      CgroupParents cgroups,
      PodNamespaces namespaces,
      Handlers handlers,
      HostFacts host,
      Path program) {
    this.tasks = tasks;
    this.bundles = bundles;
    this.cgroups = cgroups;
    this.namespaces = namespaces;
    this.handlers = handlers;
    this.host = host;
    this.program = program;
  }

  static boolean isNeeded(SandboxRecord sandbox) {
    return isShared(sandbox) || sandbox.sandboxTask();
  }

  /** Tells whether the containers of a pod share one pid namespace. */
  static boolean isShared(SandboxRecord sandbox) {
    return SandboxConfigs.namespaces(sandbox.config()).getPid() == NamespaceMode.POD;
  }

  /** Starts the pause if the pod needs one. {@link #stop} undoes it, also half of it. */
  void start(Sandbox sandbox, Operation operation) {
    SandboxRecord record = sandbox.record();
    if (!isNeeded(record)) {
      return;
    }
    RuntimeSpec spec =
        PauseSpec.of(
            record.id(),
            record.config(),
            record.sandboxTask() ? Optional.of(Hostnames.of(record.config())) : Optional.empty(),
            program,
            namespaces.pathsOf(record.id(), record.config()),
            PodIds.of(record.config()),
            cgroups.cgroupOf(record, record.id()),
            host);
    RuntimeHandler handler = handlers.require(record.runtimeHandler());
    bundles.create(record.id(), spec);
    tasks.launch(record.id(), handler, operation);
    tasks.create(record.id(), List.of(), TaskIo.NONE, handler, operation);
    pids.put(record.id(), tasks.start(TaskProcess.init(record.id()), operation));
    watch(sandbox);
  }

  /** A pod without its pause can take no more containers: they would have no namespace to join. */
  private void watch(Sandbox sandbox) {
    var _ =
        tasks
            .exit(sandbox.id())
            .whenComplete((exit, failure) -> {
              if (exit != null) {
                ended(sandbox);
              } else {
                LOG.log(
                    System.Logger.Level.DEBUG,
                    "the shim of the pause of " + sandbox.id() + " is gone",
                    failure);
                watchAgain(sandbox);
              }
            });
  }

  private void ended(Sandbox sandbox) {
    pids.remove(sandbox.id());
    sandbox.markUnusable();
  }

  /** At the successor of its shim; one without a successor has taken the pause with it. */
  private void watchAgain(Sandbox sandbox) {
    find(sandbox, new Search(sandbox, Tasks.RESUME_LIMIT, () -> isWanted(sandbox)));
  }

  /** Finds the pause at its shim, however long that takes, and watches it if it runs. */
  private void find(Sandbox sandbox, Search search) {
    String id = sandbox.id();
    RuntimeHandler handler = handlers.require(sandbox.record().runtimeHandler());
    try {
      Optional<TaskState> task = tasks.adoptSurely(id, handler, search);
      if (task.isEmpty()) {
        return;
      }
      if (task.get().status() == TaskState.Status.RUNNING) {
        pids.put(id, task.get().pid());
        watch(sandbox);
        return;
      }
    } catch (BerthException e) {
      LOG.log(System.Logger.Level.WARNING, "lost the pause of sandbox " + id, e);
      endUnknown(sandbox.record(), handler);
    }
    ended(sandbox);
  }

  /** One that runs must not be there unknown to its shim: nobody could end it. */
  private void endUnknown(SandboxRecord sandbox, RuntimeHandler handler) {
    try {
      Optional<TaskExit> _ = tasks.cleanUp(sandbox.id(), handler, Tasks.RESUME_LIMIT);
      if (process(sandbox).isPresent()) {
        cgroups.end(cgroups.cgroupOf(sandbox, sandbox.id()));
      }
    } catch (BerthException e) {
      LOG.log(System.Logger.Level.ERROR, "cannot end the pause of sandbox " + sandbox.id(), e);
    }
  }

  private final class Search implements TaskSearch {
    private final Sandbox sandbox;
    private final Duration patience;
    private final BooleanSupplier wanted;

    Search(Sandbox sandbox, Duration patience, BooleanSupplier wanted) {
      this.sandbox = sandbox;
      this.patience = patience;
      this.wanted = wanted;
    }

    @Override
    public Duration patience() {
      return wanted.getAsBoolean() ? patience : Duration.ZERO;
    }

    @Override
    public boolean isAlive() {
      return process(sandbox.record()).isPresent();
    }
  }

  /** Returns the first process of the pod: alone in the pause's cgroup, if the shim is Berth's. */
  private OptionalInt process(SandboxRecord sandbox) {
    List<Integer> processes =
        cgroups.processes(cgroups.cgroupOf(sandbox, sandbox.id())).stream()
            .map(Long::intValue)
            .sorted(Comparator.comparing(pid -> !isFirst(pid)))
            .toList();
    return processes.isEmpty() ? OptionalInt.empty() : OptionalInt.of(processes.getFirst());
  }

  private static boolean isFirst(int pid) {
    try {
      return Processes.innermostPid(pid) == 1;
    } catch (BerthException e) {
      return false; // it has ended
    }
  }

  private boolean isWanted(Sandbox sandbox) {
    return !closed && pids.containsKey(sandbox.id());
  }

  /** Stops caring: connections are about to be closed. */
  void close() {
    closed = true;
  }

  /**
   * Returns the path of the shared pid namespace.
   *
   * @throws BerthException FAILED_PRECONDITION if the pause has ended
   */
  String namespace(String sandboxId) {
    Integer pid = pids.get(sandboxId);
    if (pid == null) {
      throw new BerthException(
          FAILED_PRECONDITION, "the pause of sandbox " + sandboxId + " has ended");
    }
    return "/proc/" + pid + "/ns/pid";
  }

  /**
   * Finds the pause that an earlier process started, by what the kernel says: its shim is looked
   * for meanwhile, and what waits for that waits for it.
   *
   * @param patience how long a shim may take for an answer before it is asked again
   * @return whether all is as it should be
   */
  boolean adopt(Sandbox sandbox, Duration patience) {
    SandboxRecord record = sandbox.record();
    if (!isNeeded(record)) {
      return true;
    }
    OptionalInt pid = process(record);
    pid.ifPresent(found -> pids.put(record.id(), found));
    var search =
        new Search(
            sandbox, patience, () -> !closed && !sandbox.isReleased() && !sandbox.isRemoved());
    Thread adoption = tasks.expect(record.id(), () -> find(sandbox, search));
    if (pid.isEmpty()) { // some shims put it into no cgroup
      Recovery.settle(adoption);
    }
    return pids.containsKey(record.id());
  }

  /** Ends the pause and frees its task. Idempotent. */
  void stop(Sandbox sandbox, Operation operation) {
    if (!isNeeded(sandbox.record())) {
      return;
    }
    String id = sandbox.id();
    pids.remove(id);
    RuntimeHandler handler = handlers.require(sandbox.record().runtimeHandler());
    if (!isFound(id, handler) || !end(id, operation)) {
      var _ = tasks.cleanUp(id, handler, Tasks.LIMIT);
    }
    bundles.remove(id);
  }

  /** A shim of its own that an earlier process started for it ends with it, if it is told so. */
  private boolean isFound(String id, RuntimeHandler handler) {
    if (tasks.isKnown(id)) {
      return true;
    }
    try {
      tasks.adopt(id, handler, ANSWER_LIMIT);
      TaskState _ = tasks.state(id, ANSWER_LIMIT);
      return true;
    } catch (BerthException e) {
      LOG.log(System.Logger.Level.DEBUG, "no shim has the pause of sandbox " + id, e);
      return false;
    }
  }

  /** Says whether that could be done: not if the shim is gone. */
  private boolean end(String id, Operation operation) {
    try {
      if (tasks.end(id, operation)) {
        var _ = tasks.waitFor(TaskProcess.init(id), operation.remaining(Tasks.LIMIT));
      }
      tasks.delete(id, operation);
      return true;
    } catch (BerthException e) {
      if (e.kind() != UNAVAILABLE) {
        throw e;
      }
      LOG.log(System.Logger.Level.WARNING, "lost the shim of the pause of " + id, e);
      return false;
    }
  }
}
