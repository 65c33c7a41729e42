package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import org.jspecify.annotations.Nullable;

/**
 * A container's first process and those executed beside it.
 *
 * <pre>
 *   CREATED --start--> RUNNING --exit--> STOPPED --delete--> gone
 *      \------------------exit or kill------^
 * </pre>
 *
 * <p>Thread-safe. {@link #close} lets go of everything and ends nothing: another JVM can adopt it.
 */
public final class Task extends TaskProcess {
  /** Where a task is in its life. */
  public enum State {
    CREATED,
    RUNNING,
    STOPPED
  }

  private static final int SIGKILL = 9;

  private final Tasks tasks;
  private final Map<String, TaskProcess> execs = new ConcurrentHashMap<>();
  private volatile TaskRecord record;
  private volatile ExecCreation.@Nullable Surroundings surroundings; // null until needed

  /**
   * @param surroundings null for a task that another JVM created: read when they are needed
   */
  Task(
      Tasks tasks,
      TaskDirectory directory,
      Adopter adopter,
      Hold hold,
      TaskRecord record,
      ExecCreation.@Nullable Surroundings surroundings) {
    super(directory, adopter, hold);
    this.tasks = tasks;
    this.record = record;
    this.surroundings = surroundings;
  }

  public String id() {
    return record.id();
  }

  /** The bundle it was created from. */
  public Path bundle() {
    return Path.of(record.bundle());
  }

  /** The user whose state it is: who created it. */
  public String owner() {
    try {
      return Files.getOwner(directory().path()).getName();
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, directory().path() + ": its owner is unknown: " + e, e);
    }
  }

  public Instant createdAt() {
    return Instant.parse(record.createdAt());
  }

  /** The first process as config.json describes it. */
  public ContainerProcess process() {
    return surroundings().process();
  }

  /** The annotations of config.json. */
  public Map<String, String> annotations() {
    return spec().annotations();
  }

  /** Reads config.json as it was when the container was created. */
  public RuntimeSpec spec() {
    return tasks.readConfig(directory());
  }

  public boolean terminal() {
    return record.terminal();
  }

  /** The state as of now; notices an exit. */
  public State state() {
    if (poll().isPresent()) {
      return State.STOPPED;
    }
    return record.started() ? State.RUNNING : State.CREATED;
  }

  /**
   * Starts the created process; returns when its exec has happened.
   *
   * @throws BerthException FAILED_PRECONDITION unless it is CREATED; else naming the field of
   *     config.json that made the start fail, after which the task is STOPPED or, by a poststart
   *     hook that failed, about to be
   */
  public void start() {
    if (record.started()) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION, "container " + id() + ": already started");
    }
    record = record.asStarted();
    record.write(directory());
    if (record.hooked()) {
      startWithHooks(hooks());
    } else {
      openGate(Duration.ZERO, listener -> tellAgent(listener, pid(), "created"));
    }
  }

  private void startWithHooks(ContainerHooks hooks) {
    openGate(
        Hooks.limit(hooks.hooks().startContainer()),
        listener -> tellAgent(listener, pid(), "created"));
    try {
      hooks.runAfterStart(pid());
    } catch (BerthException e) {
      kill(SIGKILL, true);
      throw e;
    }
  }

  private ContainerHooks hooks() {
    return tasks.hooks(id(), bundle(), spec());
  }

  /**
   * Signals the first process, or with {@code all} every process of the container.
   *
   * @return false if it has ended already
   */
  public boolean kill(int signal, boolean all) {
    if (all) {
      tasks.killAll(record, signal);
    }
    return signal(signal);
  }

  /** The container's control group; empty if it was created without one. */
  public Optional<Cgroup> cgroup() {
    return tasks.cgroup(record);
  }

  /**
   * Changes the limits of its cgroup, those that are given and no others.
   *
   * @throws BerthException naming the field of {@code resources}; FAILED_PRECONDITION without a
   *     cgroup of its own
   */
  public void limit(Resources resources) {
    tasks.limit(record, resources);
  }

  /** The processes of the container, as this JVM's pid namespace numbers them. */
  public List<Integer> pids() {
    return tasks.pids(this, record);
  }

  /**
   * Goes on logging in a new file at the same or another path. FAILED_PRECONDITION without a log.
   */
  public void reopenLog(Path log) {
    if (!record.logged()) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION, "container " + id() + ": has no log");
    }
    try (Fd file = LogFiles.open(log)) {
      control(StubMessage.of(StubMessage.Kind.REOPEN_LOG), List.of(file));
    }
    record = record.withLog(log.toString());
    record.write(directory());
  }

  /** The log that is being written, if any. */
  public Optional<Path> log() {
    return Optional.ofNullable(record.log()).map(Path::of);
  }

  /**
   * Makes an additional process, up to its start gate; {@link #startExec} opens that.
   *
   * @throws BerthException ALREADY_EXISTS if the exec id is taken, FAILED_PRECONDITION unless the
   *     task is RUNNING; else naming the field that failed
   */
  public TaskProcess exec(ExecSpec spec) {
    return exec(spec, Operation.internal("exec " + spec.execId()));
  }

  /**
   * The same for a caller with an operation, which goes through {@link ExecTaskStage} up to RECORD.
   */
  public TaskProcess exec(ExecSpec spec, Operation operation) {
    requireRunning();
    TaskProcess process = tasks.exec(this, record, surroundings(), spec, operation);
    execs.put(spec.execId(), process);
    return process;
  }

  /**
   * Starts a command beside the first process, for a caller who waits for its end and owns it:
   * neither this object nor a later JVM knows of it. Its output goes to pipes, and it has no
   * terminal.
   *
   * @param operation goes through {@link ExecTaskStage} but for DIRECTORY and RECORD
   * @return once its exec has happened
   * @throws BerthException FAILED_PRECONDITION unless the task is RUNNING; else naming the field
   *     that failed. Nothing is left then
   */
  public Command startCommand(ExecSpec spec, Operation operation) {
    requireRunning();
    return tasks.startCommand(this, record, surroundings(), spec, operation);
  }

  /**
   * Runs a command beside the first process and leaves it to the nearest subreaper above this JVM:
   * neither this object nor a later JVM knows of it.
   *
   * @param spec whose io is {@link TaskIo.Released}
   * @return its number, once its exec has happened
   * @throws BerthException FAILED_PRECONDITION unless the task is RUNNING; else naming the field
   *     that failed. Nothing is left then
   */
  public int execReleased(ExecSpec spec) {
    requireRunning();
    return tasks.execReleased(this, record, surroundings(), spec);
  }

  private void requireRunning() {
    State state = state();
    if (state != State.RUNNING) {
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION,
          "container " + id() + ": cannot execute in it, it is " + state);
    }
  }

  private ExecCreation.Surroundings surroundings() {
    ExecCreation.Surroundings known = surroundings;
    if (known == null) {
      known = tasks.surroundings(directory(), record);
      surroundings = known;
    }
    return known;
  }

  private void tellAgent(Fd listener, int process, String status) {
    SeccompAgent agent = surroundings().agent();
    if (agent != null) {
      agent.tell(listener, process, status, pid());
    }
  }

  /** Starts what {@link #exec} made; returns when its exec has happened, or throws. */
  public void startExec(TaskProcess process) {
    process.openGate(Duration.ZERO, listener -> tellAgent(listener, process.pid(), "running"));
  }

  public Optional<TaskProcess> findExec(String execId) {
    return Optional.ofNullable(execs.get(execId));
  }

  public Map<String, TaskProcess> execs() {
    return Map.copyOf(execs);
  }

  void found(String execId, TaskProcess process) {
    execs.put(execId, process);
  }

  /** Ends an exec that was made and is not to be started, and forgets it. Idempotent. */
  public void abortExec(String execId) {
    TaskProcess process = execs.get(execId);
    if (process != null) {
      process.abort();
      deleteExec(execId);
    }
  }

  /** Forgets an ended exec and removes what it left. Idempotent. */
  public void deleteExec(String execId) {
    TaskProcess process = execs.remove(execId);
    if (process != null) {
      process.close();
      tasks.deleteDirectory(process.directory());
    }
  }

  /**
   * Removes everything of an ended task: its groups, directory, descriptors. A process that was
   * created but never started is ended first. Before the directory goes, and is then gone for good,
   * poststop hooks run: again if that was interrupted and is repeated.
   *
   * @throws BerthException FAILED_PRECONDITION if it is RUNNING
   */
  public void delete() {
    switch (state()) {
      case RUNNING ->
          throw new BerthException(
              BerthException.Kind.FAILED_PRECONDITION,
              "container " + id() + ": cannot be deleted, it is running");
      case CREATED -> abort();
      case STOPPED -> {}
    }
    execs.keySet().forEach(this::deleteExec);
    close();
    tasks.deleteCgroup(record);
    ResourceGroup.remove(directory());
    if (record.hooked()) {
      hooks().runAfterStop();
    }
    tasks.deleteDirectory(directory());
  }

  @Override
  public void close() {
    execs.values().forEach(TaskProcess::close);
    super.close();
  }
}
