package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.kernel.MountPoints;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.plan.Placement;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.function.Supplier;
import java.util.stream.Stream;

/**
 * Creates tasks and finds those that a JVM before this one created.
 *
 * <p>Everything a task leaves on the host is its directory below the state directory, its cgroup
 * and what the directory says was made of resctrl; a failed create leaves nothing. Thread-safe.
 */
public final class Tasks implements AutoCloseable {
  static final Duration CGROUP_LIMIT = Duration.ofSeconds(10);

  private final Path stateDirectory;
  private final BerthInit program;
  private final StubPool stubs;
  private final Launcher launcher;
  private final TaskAdoption adoption;

  /**
   * Uses a directory on a tmpfs, made if missing.
   *
   * @param program stays the caller's
   */
  public Tasks(Path stateDirectory, BerthInit program, Cgroups cgroups) {
    this(stateDirectory, program, cgroups, 0);
  }

  /**
   * The same for a process that launches many tasks.
   *
   * @param spares how many berth-inits wait for the next launches, some 50 KB each
   */
  public Tasks(Path stateDirectory, BerthInit program, Cgroups cgroups, int spares) {
    this(stateDirectory, program, cgroups, spares, () -> MountPoints.ofType("resctrl"));
  }

  Tasks(
      Path stateDirectory,
      BerthInit program,
      Cgroups cgroups,
      int spares,
      Supplier<Optional<Path>> resctrl) {
    this.stateDirectory = stateDirectory.toAbsolutePath();
    this.program = program;
    this.stubs = new StubPool(program, spares);
    this.launcher = new Launcher(stubs, cgroups, resctrl);
    this.adoption = new TaskAdoption(this, launcher);
  }

  /** Creates a container for a caller without an operation of its own. */
  public Task create(TaskSpec spec) {
    return create(spec, Operation.internal("create " + spec.id()));
  }

  /**
   * Creates a container up to its start gate: namespaces, mounts, limits and identity are in place,
   * the user's program has not been executed.
   *
   * @param operation goes through {@link CreateTaskStage} from DIRECTORY on
   * @throws BerthException ALREADY_EXISTS for a taken id; else naming the field of config.json.
   *     Nothing is left then
   */
  public Task create(TaskSpec spec, Operation operation) {
    return new TaskCreation(this, launcher, spec, operation).run(stateDirectory);
  }

  /** The hooks of a container. */
  ContainerHooks hooks(String id, Path bundle, RuntimeSpec spec) {
    return new ContainerHooks(program, id, bundle, spec);
  }

  TaskProcess exec(
      Task task,
      TaskRecord record,
      ExecCreation.Surroundings surroundings,
      ExecSpec spec,
      Operation operation) {
    return new ExecCreation(launcher, task, record, surroundings, spec, operation).create();
  }

  Command startCommand(
      Task task,
      TaskRecord record,
      ExecCreation.Surroundings surroundings,
      ExecSpec spec,
      Operation operation) {
    return new ExecCreation(launcher, task, record, surroundings, spec, operation).start();
  }

  int execReleased(
      Task task, TaskRecord record, ExecCreation.Surroundings surroundings, ExecSpec spec) {
    Operation operation = Operation.internal("exec " + spec.execId());
    return new ExecCreation(launcher, task, record, surroundings, spec, operation).release();
  }

  /** Reads what execs share with a container's first process. */
  ExecCreation.Surroundings surroundings(TaskDirectory directory, TaskRecord record) {
    RuntimeSpec config = readConfig(directory);
    Linux linux = config.linux();
    ContainerProcess process = config.process();
    if (linux == null || process == null) {
      throw new IllegalStateException("a task was created without config.linux or process");
    }
    return new ExecCreation.Surroundings(
        process,
        linux.idMappings(),
        launcher.compile(linux.seccomp()),
        Placement.of(linux),
        launcher.resourceGroup(linux, record.id()),
        SeccompAgent.of(record.id(), record.bundle(), config));
  }

  RuntimeSpec readConfig(TaskDirectory directory) {
    try {
      return RuntimeSpec.parse(Files.readAllBytes(directory.config()));
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, directory.path() + ": config.json is unreadable: " + e, e);
    }
  }

  /**
   * Finds the tasks that another JVM created, with their execs.
   *
   * @param onUnreadable told of each directory that cannot be understood, which is left as it is:
   *     one bad record must not hide the others
   */
  public List<Task> adoptAll(BiConsumer<Path, RuntimeException> onUnreadable) {
    return adoption.adoptAll(stateDirectory, onUnreadable);
  }

  /**
   * Removes what a JVM left that was killed while it created tasks, before {@link #adoptAll}. Only
   * for one that creates tasks here alone: those in the making look the same.
   *
   * @param onFailure told of each directory that cannot be removed, which is left as it is
   */
  public void removeUnfinished(BiConsumer<Path, RuntimeException> onFailure) {
    new UnfinishedTasks(launcher).removeAll(stateDirectory, onFailure);
  }

  /**
   * Finds one task by its id, without those of its execs that cannot be understood.
   *
   * @throws BerthException NOT_FOUND if there is none, or none that was made to the end; INTERNAL
   *     if its record cannot be understood
   */
  public Task adopt(String id) {
    return adoption.adopt(new TaskDirectory(require(id)), (_, _) -> {});
  }

  /**
   * Ends and removes a task that cannot be adopted: one that was not made to the end, or whose
   * record cannot be understood. What runs of it is known by its cgroup. Hooks are not run.
   *
   * @throws BerthException NOT_FOUND if there is none
   */
  public void discard(String id) {
    new UnfinishedTasks(launcher).remove(new TaskDirectory(require(id)));
  }

  private Path require(String id) {
    Path directory = stateDirectory.resolve(Ids.requireName("container id", id));
    if (!Files.isDirectory(directory)) {
      throw new BerthException(
          BerthException.Kind.NOT_FOUND, "container \"" + id + "\" does not exist");
    }
    return directory;
  }

  Optional<Cgroup> cgroup(TaskRecord record) {
    return launcher.cgroup(record.cgroup());
  }

  /** Signals every process of a container: with SIGKILL by its cgroup, which none can outrun. */
  void killAll(TaskRecord record, int signal) {
    launcher
        .cgroup(record.cgroup())
        .ifPresent(group -> {
          if (signal == 9) {
            group.kill();
          } else {
            group.pids().forEach(pid -> signal(pid, signal));
          }
        });
  }

  private static void signal(long pid, int signal) {
    Processes.open((int) pid)
        .ifPresent(pidfd -> {
          try (pidfd) {
            Processes.signal(pidfd, signal);
          }
        });
  }

  void limit(TaskRecord record, Resources resources) {
    launcher
        .cgroup(record.cgroup())
        .orElseThrow(() ->
            new BerthException(
                BerthException.Kind.FAILED_PRECONDITION,
                "container " + record.id() + ": has no cgroup of its own to be limited by"))
        .apply(resources);
  }

  /** The processes in a container's cgroup; without one, only those that we know. */
  List<Integer> pids(Task task, TaskRecord record) {
    Optional<Cgroup> group = launcher.cgroup(record.cgroup());
    if (group.isPresent()) {
      return group.get().pids().stream().map(Math::toIntExact).toList();
    }
    return Stream.concat(Stream.of(task), task.execs().values().stream())
        .filter(process -> process.poll().isEmpty())
        .map(TaskProcess::pid)
        .toList();
  }

  void deleteCgroup(TaskRecord record) {
    launcher.cgroup(record.cgroup()).ifPresent(Tasks::deleteCgroup);
  }

  /** Removes a group with all that may still run in it. */
  static void deleteCgroup(Cgroup group) {
    group.kill();
    group.delete(CGROUP_LIMIT);
  }

  void deleteDirectory(TaskDirectory directory) {
    try {
      directory.delete();
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, directory.path() + ": cannot be removed: " + e, e);
    }
  }

  /** Releases nothing of the tasks: they go on. */
  @Override
  public void close() {
    stubs.close();
  }
}
