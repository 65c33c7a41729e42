package dev.berth.shim;

import static dev.berth.base.BerthException.Kind.ALREADY_EXISTS;
import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;
import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.proto.shim.events.TaskCheckpointed;
import dev.berth.proto.shim.events.TaskDelete;
import dev.berth.proto.shim.events.TaskExecAdded;
import dev.berth.proto.shim.events.TaskExecStarted;
import dev.berth.proto.shim.events.TaskPaused;
import dev.berth.proto.shim.events.TaskResumed;
import dev.berth.proto.shim.events.TaskStart;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.kernel.EventLoop;
import dev.berth.runtime.task.ExecSpec;
import dev.berth.runtime.task.ExecTaskStage;
import dev.berth.runtime.task.Task;
import dev.berth.runtime.task.TaskExit;
import dev.berth.runtime.task.TaskProcess;
import java.time.Duration;
import java.time.Instant;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.concurrent.locks.ReentrantLock;

/**
 * One container in the shim: its task, the execs beside it, and the order of their events.
 *
 * <pre>
 *   /tasks/create -> /tasks/start -> (/tasks/exit of every exec) -> /tasks/exit -> /tasks/delete
 * </pre>
 *
 * <p>A process may end before its start has been published: the exit waits for that. Thread-safe;
 * the lock spans one operation and is never held by another container's.
 */
final class ShimTask {
  private static final System.Logger LOG = System.getLogger(ShimTask.class.getName());
  private static final int SIGKILL = 9;

  /** How long the end of a container waits for the ends of its execs, which were killed. */
  private static final Duration EXECS_LIMIT = Duration.ofSeconds(2);

  /** How long the kernel may take to stop all processes of a container. */
  private static final Duration FREEZE_LIMIT = Duration.ofSeconds(10);

  /** How long a delete waits for an end that is being told. */
  private static final Duration TELL_LIMIT = Duration.ofSeconds(10);

  private final ReentrantLock lock = new ReentrantLock();
  private final Task task;
  private final Stdio stdio;
  private final EventPublisher events;
  private final EventLoop loop;
  private final Map<String, ShimExec> execs = new ConcurrentHashMap<>();
  private final ProcessExit exit;
  private final OomWatch oom;

  private ShimTask(Task task, Stdio stdio, EventPublisher events, EventLoop loop) {
    this.task = task;
    this.stdio = stdio;
    this.events = events;
    this.loop = loop;
    this.exit = new ProcessExit(task, loop, this::initEnded);
    this.oom = new OomWatch(task, events, loop);
  }

  /** Takes over a task that was just created. */
  static ShimTask created(Task task, Stdio stdio, EventPublisher events, EventLoop loop) {
    var created = new ShimTask(task, stdio, events, loop);
    created.oom.start();
    created.exit.follow();
    return created;
  }

  /** Takes over a task, and its execs, that a predecessor of this shim created. */
  static ShimTask adopted(Task task, EventPublisher events, EventLoop loop) {
    var adopted = new ShimTask(task, Stdio.unknown(task.terminal()), events, loop);
    task.execs().forEach(adopted::adoptExec);
    adopted.oom.start();
    adopted.exit.follow();
    return adopted;
  }

  private void adoptExec(String execId, TaskProcess process) {
    var end = new ProcessExit(process, loop, how -> publishExit(execId, process.pid(), how));
    execs.put(execId, ShimExec.adopted(execId, Stdio.unknown(false), process, end));
    end.follow();
  }

  String id() {
    return task.id();
  }

  Task task() {
    return task;
  }

  Stdio stdio() {
    return stdio;
  }

  /** Runs the created process; returns its pid. */
  int start() {
    lock.lock();
    try {
      task.start();
      events.publish(
          ShimEventTopics.START,
          TaskStart.newBuilder().setContainerId(id()).setPid(task.pid()).build());
      return task.pid();
    } finally {
      lock.unlock();
    }
  }

  /** Registers an exec. */
  void addExec(ExecSpec spec, Stdio execStdio) {
    add(spec.execId(), ShimExec.registered(spec, execStdio));
    events.publish(
        ShimEventTopics.EXEC_ADDED,
        TaskExecAdded.newBuilder().setContainerId(id()).setExecId(spec.execId()).build());
  }

  private void add(String execId, ShimExec exec) {
    if (execs.putIfAbsent(execId, exec) != null) {
      throw new BerthException(
          ALREADY_EXISTS, "container " + id() + ": exec " + execId + " already exists");
    }
  }

  /** Runs a registered exec; returns its pid. */
  int startExec(String execId, Operation operation) {
    ShimExec exec = requireExec(execId);
    lock.lock();
    try {
      ExecSpec spec = exec.requireStartable();
      TaskProcess process = task.exec(spec, operation);
      exit.look(); // exec looked at the task's state, which may have replaced its stub
      try {
        operation.enter(ExecTaskStage.START);
        task.startExec(process);
      } catch (BerthException e) {
        task.abortExec(execId);
        throw e;
      }
      publishStarted(execId, process.pid());
      var end = new ProcessExit(process, loop, how -> publishExit(execId, process.pid(), how));
      exec.started(process, end);
      end.follow();
      if (exec.isStdinClosed()) {
        closeStdin(process);
      }
      return process.pid();
    } finally {
      lock.unlock();
    }
  }

  /**
   * Closes an exec's input; one that is not started yet will find it closed: a runtime whose own
   * input is short says so before it starts the process.
   */
  void closeExecStdin(String execId) {
    ShimExec exec = requireExec(execId);
    lock.lock();
    try {
      exec.closeStdin();
      exec.running().ifPresent(running -> closeStdin(running.process()));
    } finally {
      lock.unlock();
    }
  }

  /** The input of a process that has ended is closed. */
  private static void closeStdin(TaskProcess process) {
    try {
      process.closeStdin();
    } catch (BerthException e) {
      if (e.kind() != UNAVAILABLE || process.poll().isEmpty()) {
        throw e;
      }
    }
  }

  /** Returns which of the container's processes are execs. */
  Map<Integer, String> execIds() {
    Map<Integer, String> ids = new HashMap<>();
    execs.forEach((execId, exec) ->
        exec.running().ifPresent(running -> ids.put(running.process().pid(), execId)));
    return ids;
  }

  private void publishStarted(String execId, int pid) {
    events.publish(
        ShimEventTopics.EXEC_STARTED,
        TaskExecStarted.newBuilder().setContainerId(id()).setExecId(execId).setPid(pid).build());
  }

  ShimExec requireExec(String execId) {
    ShimExec exec = execs.get(execId);
    if (exec == null) {
      throw new BerthException(NOT_FOUND, "container " + id() + ": no exec " + execId);
    }
    return exec;
  }

  /** Whether a process is the container's first one or an exec. */
  boolean hasProcess(int pid) {
    return task.pid() == pid
        || execs.values().stream()
            .flatMap(exec -> exec.running().stream())
            .anyMatch(running -> running.process().pid() == pid);
  }

  /** Returns how the container's process has ended, if it has. */
  Optional<TaskExit> ended() {
    return exit.look();
  }

  /** Completes when the end of the container's process has been told. */
  CompletableFuture<TaskExit> told() {
    return exit.told();
  }

  /** Signals the container's process, or all of them. */
  void kill(int signal, boolean all) {
    if (!task.kill(signal, all)) {
      throw finished("process");
    }
  }

  /** Signals an exec. */
  void killExec(String execId, int signal) {
    boolean sent = requireExec(execId).running().map(r -> r.process().signal(signal)).orElse(false);
    if (!sent) {
      throw finished("exec " + execId);
    }
  }

  private BerthException finished(String what) {
    return new BerthException(NOT_FOUND, "container " + id() + ": " + what + " already finished");
  }

  /**
   * Stops all processes of the container where they are. Idempotent.
   *
   * @throws BerthException FAILED_PRECONDITION unless it runs, or if it has no cgroup
   */
  void pause() {
    if (task.state() != Task.State.RUNNING) {
      throw new BerthException(
          FAILED_PRECONDITION, "container " + id() + ": cannot be paused, it is " + task.state());
    }
    requireCgroup().freeze(FREEZE_LIMIT);
    events.publish(ShimEventTopics.PAUSED, TaskPaused.newBuilder().setContainerId(id()).build());
  }

  /** Lets them go on. Idempotent. */
  void resume() {
    requireCgroup().thaw();
    events.publish(ShimEventTopics.RESUMED, TaskResumed.newBuilder().setContainerId(id()).build());
  }

  boolean isPaused() {
    return task.cgroup().map(Cgroup::isFrozen).orElse(false);
  }

  /** Returns the container's cgroup. FAILED_PRECONDITION if it has none. */
  Cgroup requireCgroup() {
    return task.cgroup()
        .orElseThrow(
            () -> new BerthException(FAILED_PRECONDITION, "container " + id() + ": has no cgroup"));
  }

  /** Tells that its processes were dumped into a directory. */
  void checkpointed(String directory) {
    events.publish(
        ShimEventTopics.CHECKPOINTED,
        TaskCheckpointed.newBuilder().setContainerId(id()).setCheckpoint(directory).build());
  }

  /**
   * Frees the container; returns how it ended. One that was never started counts as ended now.
   *
   * @throws BerthException FAILED_PRECONDITION while it runs
   */
  TaskExit delete() {
    if (exit.look().isPresent()) {
      awaitTold(exit); // without the lock, which the telling takes
    }
    lock.lock();
    try {
      TaskExit how = task.exit().orElseGet(ShimTask::neverRan);
      if (task.state() == Task.State.CREATED) {
        exit.conclude(how);
        oom.end();
      }
      task.delete();
      publishDelete("", task.pid(), how);
      return how;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Forgets an exec that has ended or was never started; returns how it ended.
   *
   * @throws BerthException FAILED_PRECONDITION while it runs
   */
  TaskExit deleteExec(String execId) {
    ShimExec exec = requireExec(execId);
    Optional<ShimExec.Running> running = exec.running();
    if (running.isEmpty()) {
      execs.remove(execId);
      TaskExit never = neverRan();
      exec.concluded(never);
      return never;
    }
    TaskExit how = running.get().exit().look().orElseThrow(() -> stillRunning(execId));
    awaitTold(running.get().exit());
    lock.lock();
    try {
      task.deleteExec(execId);
      execs.remove(execId);
      publishDelete(execId, running.get().process().pid(), how);
      return how;
    } finally {
      lock.unlock();
    }
  }

  private static TaskExit neverRan() {
    return new TaskExit(0, Instant.now(), true);
  }

  private BerthException stillRunning(String execId) {
    return new BerthException(
        FAILED_PRECONDITION, "container " + id() + ": exec " + execId + " is running");
  }

  private void publishDelete(String execId, int pid, TaskExit how) {
    events.publish(
        ShimEventTopics.DELETE,
        TaskDelete.newBuilder()
            .setContainerId(id())
            .setId(execId.isEmpty() ? id() : execId)
            .setPid(pid)
            .setExitStatus(how.code())
            .setExitedAt(Timestamps.of(how.at()))
            .build());
  }

  /** The exit event goes before the delete event, whoever was first to notice the end. */
  private void awaitTold(ProcessExit ended) {
    try {
      ended.told().get(TELL_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.log(WARNING, "the end of container " + id() + " is still being told", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void initEnded(TaskExit how) {
    killRest();
    awaitExecs();
    oom.end();
    publishExit(id(), task.pid(), how);
  }

  /** The kernel did it where the container had a pid namespace of its own. */
  private void killRest() {
    try {
      task.kill(SIGKILL, true);
    } catch (RuntimeException e) { // its end must be told all the same
      LOG.log(WARNING, "cannot kill what is left of container " + id(), e);
    }
  }

  private void awaitExecs() {
    List<CompletableFuture<TaskExit>> ends =
        execs.values().stream()
            .flatMap(exec -> exec.running().stream())
            .map(running -> running.exit().told())
            .toList();
    try {
      CompletableFuture.allOf(ends.toArray(CompletableFuture[]::new))
          .get(EXECS_LIMIT.toMillis(), TimeUnit.MILLISECONDS);
    } catch (ExecutionException | TimeoutException e) {
      LOG.log(WARNING, "container " + id() + " ended before its execs", e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  /** Under the lock, under which Start publishes: an exit never goes before its start. */
  private void publishExit(String processId, int pid, TaskExit how) {
    lock.lock();
    try {
      events.publish(
          ShimEventTopics.EXIT,
          dev.berth.proto.shim.events.TaskExit.newBuilder()
              .setContainerId(id())
              .setId(processId)
              .setPid(pid)
              .setExitStatus(how.code())
              .setExitedAt(Timestamps.of(how.at()))
              .build());
    } finally {
      lock.unlock();
    }
  }
}
