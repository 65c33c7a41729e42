package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.ALREADY_EXISTS;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;
import static java.lang.System.Logger.Level.INFO;
import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.shim.events.TaskCreate;
import dev.berth.proto.shim.events.TaskIO;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.TaskSpec;
import dev.berth.runtime.task.Tasks;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/** The containers of this shim, by id. Thread-safe. */
final class ShimTasks {
  private static final System.Logger LOG = System.getLogger(ShimTasks.class.getName());

  private final Tasks tasks;
  private final EventPublisher events;
  private final EventLoop loop;
  private final Map<String, ShimTask> byId = new ConcurrentHashMap<>();
  private final Set<String> leftOut = ConcurrentHashMap.newKeySet();

  ShimTasks(Tasks tasks, EventPublisher events, EventLoop loop) {
    this.tasks = tasks;
    this.events = events;
    this.loop = loop;
  }

  /**
   * Takes over what a predecessor left. Its ends are told again: nobody knows whether they were. A
   * task that cannot be understood stays as it is, hides no other, and is looked at again when it
   * is asked for. One that was still being created is undone: its creator got no answer.
   */
  void adopt() {
    tasks.removeUnfinished((path, e) -> LOG.log(WARNING, "task " + path + " is not undone", e));
    for (Task task : tasks.adoptAll((path, e) -> LOG.log(WARNING, path + " is not adopted", e))) {
      byId.put(task.id(), ShimTask.adopted(task, events, loop));
    }
    LOG.log(INFO, () -> "adopted " + byId.size() + " tasks");
  }

  /** Creates a container up to its start gate; returns the pid of its process. */
  int create(TaskSpec spec, Stdio stdio, Operation operation) {
    if (byId.containsKey(spec.id())) {
      throw new BerthException(ALREADY_EXISTS, "container " + spec.id() + ": already exists");
    }
    Task task = tasks.create(spec, operation);
    events.publish(
        ShimEventTopics.CREATE,
        TaskCreate.newBuilder()
            .setContainerId(spec.id())
            .setBundle(spec.bundle().toString())
            .setIo(
                TaskIO.newBuilder()
                    .setStdin(stdio.stdin())
                    .setStdout(stdio.stdout())
                    .setStderr(stdio.stderr())
                    .setTerminal(stdio.terminal()))
            .setPid(task.pid())
            .build());
    byId.put(spec.id(), ShimTask.created(task, stdio, events, loop));
    return task.pid();
  }

  /**
   * Returns a container.
   *
   * @throws BerthException NOT_FOUND
   */
  ShimTask require(String containerId) {
    return find(containerId)
        .or(() -> adoptLate(containerId))
        .orElseThrow(
            () -> new BerthException(NOT_FOUND, "container " + containerId + ": no such task"));
  }

  /** What hindered it may have passed, such as a lack of descriptors. */
  private Optional<ShimTask> adoptLate(String containerId) {
    if (!leftOut.remove(containerId)) {
      return Optional.empty();
    }
    try {
      ShimTask late = ShimTask.adopted(tasks.adopt(containerId), events, loop);
      byId.put(containerId, late);
      return Optional.of(late);
    } catch (RuntimeException e) {
      leftOut.add(containerId);
      LOG.log(WARNING, "container " + containerId + " is not adopted yet", e);
      return Optional.empty();
    }
  }

  Optional<ShimTask> find(String containerId) {
    return Optional.ofNullable(byId.get(containerId));
  }

  /** Frees a container that has ended or was never started. */
  TaskExit delete(String containerId) {
    ShimTask task = require(containerId);
    TaskExit exit = task.delete();
    byId.remove(containerId, task);
    return exit;
  }

  /** Whether a process is a container's first one, or one of its execs. */
  boolean hasProcess(int pid) {
    return byId.values().stream().anyMatch(task -> task.hasProcess(pid));
  }

  boolean isEmpty() {
    return byId.isEmpty();
  }
}
