package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Rollback;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.CgroupPath;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.OpenFlag;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.plan.CgroupEntry;
import dev.berth.runtime.plan.ContainerPlan;
import dev.berth.runtime.plan.ExecInput;
import dev.berth.runtime.plan.ExecPlan;
import dev.berth.runtime.plan.LaunchInput;
import dev.berth.runtime.plan.LaunchPlan;
import dev.berth.runtime.plan.SeccompProgram;
import dev.berth.runtime.plan.Slot;
import dev.berth.runtime.plan.SuccessorPlan;
import dev.berth.runtime.seccomp.SeccompCompiler;
import dev.berth.runtime.seccomp.SeccompFilter;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.Seccomp;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;

/**
 * Creates tasks and finds those that a JVM before this one created.
 *
 * <p>Everything a task leaves on the host is its directory below the state directory and its
 * cgroup; a failed create leaves neither. Thread-safe.
 */
public final class Tasks implements AutoCloseable {
  private static final Duration CONTROL_LIMIT = Duration.ofSeconds(10);
  private static final Duration CGROUP_LIMIT = Duration.ofSeconds(10);
  private static final String CONFIG = "config.json";

  private final Path stateDirectory;
  private final BerthInit program;
  private final Cgroups cgroups;
  private final SeccompCompiler seccomp = new SeccompCompiler();

  /**
   * Uses a directory on a tmpfs, made if missing.
   *
   * @param program stays the caller's
   */
  public Tasks(Path stateDirectory, BerthInit program, Cgroups cgroups) {
    this.stateDirectory = stateDirectory.toAbsolutePath();
    this.program = program;
    this.cgroups = cgroups;
  }

  /**
   * Creates a container up to its start gate: namespaces, mounts, limits and identity are in place,
   * the user's program has not been executed.
   *
   * @throws BerthException ALREADY_EXISTS for a taken id; else naming the field of config.json.
   *     Nothing is left then
   */
  public Task create(TaskSpec spec) {
    RuntimeSpec config = spec.spec();
    Linux linux = config.linux();
    ContainerProcess process = config.process();
    if (linux == null || process == null) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, "config.json: process or linux is missing");
    }
    try (var rollback = new Rollback()) {
      TaskDirectory directory = makeDirectory(spec.id());
      rollback.onFailure("remove " + directory.path(), directory::delete);
      Optional<Cgroup> cgroup = cgroup(linux.cgroupsPath());
      cgroup.ifPresent(group -> {
        group.create();
        rollback.onFailure("remove cgroup " + group.path(), () -> group.delete(CGROUP_LIMIT));
        if (linux.resources() != null) {
          group.apply(linux.resources());
        }
      });
      Task task = launch(spec, linux, process, directory, cgroup, rollback);
      rollback.commit();
      return task;
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, "container " + spec.id() + ": " + e, e);
    }
  }

  private TaskDirectory makeDirectory(String id) throws IOException {
    try {
      return TaskDirectory.create(stateDirectory.resolve(id));
    } catch (FileAlreadyExistsException e) {
      throw new BerthException(
          BerthException.Kind.ALREADY_EXISTS, "container " + id + ": already exists", e);
    }
  }

  private Optional<Cgroup> cgroup(@Nullable String path) {
    return Optional.ofNullable(path).map(CgroupPath::parse).map(cgroups::at);
  }

  private Task launch(
      TaskSpec spec,
      Linux linux,
      ContainerProcess process,
      TaskDirectory directory,
      Optional<Cgroup> cgroup,
      Rollback rollback)
      throws IOException {
    long owner = IdMaps.toHost(linux.uidMappings(), process.user().uid());
    try (var files = new OpenFiles()) {
      ProcessIo io = ProcessIo.open(directory, spec.io(), process, (int) owner, files);
      for (Namespace namespace : linux.namespaces()) {
        if (namespace.path() != null) {
          files.add("ns." + namespace.type(), NamespaceFiles.open(namespace));
        }
      }
      CgroupEntry entry = enter(cgroup, files);
      LaunchPlan plan =
          ContainerPlan.compile(
              new LaunchInput(
                  spec.id(),
                  spec.spec(),
                  spec.rootfs(),
                  entry,
                  io.stdio(),
                  compile(linux.seccomp()),
                  io.slots()));
      Stub stub = Stub.launch(program, plan, files.byName(), 0);
      rollback.onFailure("end berth-init", stub::abort);
      Stub.Created created = stub.awaitCreated(pid -> IdMaps.write(pid, linux));
      adjust(created.pid(), process);
      Files.write(directory.path().resolve(CONFIG), spec.spec().toJson());
      TaskRecord record = record(spec, linux, process, created.pid());
      record.write(directory);
      return new Task(
          this, directory, adopter(directory), hold(stub, created, directory, record), record);
    }
  }

  /**
   * What is written from outside, where nothing of the container can stand in the way (rule R2).
   */
  private static void adjust(int pid, ContainerProcess process) throws IOException {
    Integer score = process.oomScoreAdj();
    if (score != null) {
      try {
        Files.writeString(
            Path.of("/proc", Integer.toString(pid), "oom_score_adj"), score.toString());
      } catch (IOException e) {
        throw new BerthException(
            BerthException.Kind.FAILED_PRECONDITION,
            "process.oomScoreAdj: " + score + " cannot be set: " + e.getMessage(),
            e);
      }
    }
  }

  private static TaskRecord record(TaskSpec spec, Linux linux, ContainerProcess process, int pid) {
    boolean logged = spec.io() instanceof TaskIo.Log;
    Path log = spec.io() instanceof TaskIo.Log(var path, var _) ? path : null;
    Path stdin =
        switch (spec.io()) {
          case TaskIo.Log(var _, TaskIo.Input.Fifo(var path)) -> path;
          case TaskIo.Log _ -> null;
          case TaskIo.Pipes(var path, var _, var _) -> path;
          case TaskIo.Inherited() -> null;
        };
    Path stdout = spec.io() instanceof TaskIo.Pipes(var _, var path, var _) ? path : null;
    return new TaskRecord(
        TaskRecord.SCHEMA,
        spec.id(),
        spec.bundle().toString(),
        pid,
        Processes.startTime(pid).orElse(0),
        Instant.now().toString(),
        false,
        process.terminal(),
        logged,
        text(log),
        text(stdin),
        text(stdout),
        linux.namespaces().stream().map(Namespace::type).toList(),
        linux.cgroupsPath());
  }

  private static @Nullable String text(@Nullable Path path) {
    return path == null ? null : path.toString();
  }

  private CgroupEntry enter(Optional<Cgroup> cgroup, OpenFiles files) {
    if (cgroup.isEmpty()) {
      return new CgroupEntry.None();
    }
    Optional<Fd> directory = cgroup.get().openDirectory();
    if (directory.isPresent()) {
      files.add("cgroup", directory.get());
      return new CgroupEntry.V2();
    }
    List<Fd> procs = cgroup.get().openProcs();
    for (int i = 0; i < procs.size(); i++) {
      files.add("cgroup." + i, procs.get(i));
    }
    return new CgroupEntry.V1(procs.size(), views(cgroup.get()));
  }

  private static List<CgroupEntry.V1.View> views(Cgroup cgroup) {
    List<CgroupEntry.V1.View> views = new ArrayList<>();
    cgroup.directories().forEach((name, path) -> views.add(new CgroupEntry.V1.View(name, path)));
    return views;
  }

  private @Nullable SeccompProgram compile(@Nullable Seccomp profile) {
    if (profile == null) {
      return null;
    }
    SeccompFilter filter = seccomp.compile(profile);
    return new SeccompProgram(filter.program(), filter.flags());
  }

  // ---- exec ----

  TaskProcess exec(Task task, TaskRecord record, ExecSpec spec) {
    RuntimeSpec config = readConfig(task.directory());
    Linux linux = config.linux();
    if (linux == null) {
      throw new IllegalStateException("a task was created without config.linux");
    }
    try (var rollback = new Rollback();
        var files = new OpenFiles()) {
      TaskDirectory directory = makeExecDirectory(task.directory(), spec.execId());
      rollback.onFailure("remove " + directory.path(), directory::delete);
      long owner = IdMaps.toHost(linux.uidMappings(), spec.process().user().uid());
      ProcessIo io = ProcessIo.open(directory, spec.io(), spec.process(), (int) owner, files);
      files.lend("target", requireRunning(task));
      files.add(
          "target.root",
          Descriptors.open(
              Path.of("/proc", Integer.toString(record.pid()), "root"),
              OpenFlag.PATH,
              OpenFlag.DIRECTORY));
      CgroupEntry entry = enter(cgroup(record.cgroup()), files);
      LaunchPlan plan =
          ExecPlan.compile(
              new ExecInput(
                  record.id(),
                  spec.process(),
                  record.namespaces(),
                  entry,
                  io.stdio(),
                  compile(linux.seccomp()),
                  io.slots()));
      Stub stub = Stub.launch(program, plan, files.byName(), 0);
      rollback.onFailure("end berth-init", stub::abort);
      Stub.Created created = stub.awaitCreated(pid -> IdMaps.write(pid, linux));
      adjust(created.pid(), spec.process());
      TaskRecord execRecord = execRecord(record, spec, created.pid());
      execRecord.write(directory);
      rollback.commit();
      return new TaskProcess(
          directory, adopter(directory), hold(stub, created, directory, execRecord));
    } catch (IOException e) {
      throw new BerthException(BerthException.Kind.INTERNAL, "exec " + spec.execId() + ": " + e, e);
    }
  }

  private static Fd requireRunning(Task task) {
    return task.pidfd()
        .orElseThrow(() ->
            new BerthException(
                BerthException.Kind.FAILED_PRECONDITION,
                "container " + task.id() + ": cannot execute in it, its process is gone"));
  }

  private static TaskDirectory makeExecDirectory(TaskDirectory task, String execId)
      throws IOException {
    try {
      return TaskDirectory.create(task.exec(execId).path());
    } catch (FileAlreadyExistsException e) {
      throw new BerthException(
          BerthException.Kind.ALREADY_EXISTS, "exec " + execId + ": already exists", e);
    }
  }

  private static TaskRecord execRecord(TaskRecord task, ExecSpec spec, int pid) {
    Path stdin = spec.io() instanceof TaskIo.Pipes(var path, var _, var _) ? path : null;
    Path stdout = spec.io() instanceof TaskIo.Pipes(var _, var path, var _) ? path : null;
    return new TaskRecord(
        TaskRecord.SCHEMA,
        spec.execId(),
        task.bundle(),
        pid,
        Processes.startTime(pid).orElse(0),
        Instant.now().toString(),
        true,
        spec.process().terminal(),
        spec.io() instanceof TaskIo.Log,
        null,
        text(stdin),
        text(stdout),
        task.namespaces(),
        task.cgroup());
  }

  ContainerProcess readProcess(TaskDirectory directory) {
    ContainerProcess process = readConfig(directory).process();
    if (process == null) {
      throw new IllegalStateException("a task was created without config.process");
    }
    return process;
  }

  RuntimeSpec readConfig(TaskDirectory directory) {
    try {
      return RuntimeSpec.parse(Files.readAllBytes(directory.path().resolve(CONFIG)));
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, directory.path() + ": config.json is unreadable: " + e, e);
    }
  }

  // ---- adoption ----

  /**
   * Finds the tasks that another JVM created, with their execs.
   *
   * @param onUnreadable told of each directory that cannot be understood, which is left as it is:
   *     one bad record must not hide the others
   */
  public List<Task> adoptAll(java.util.function.BiConsumer<Path, BerthException> onUnreadable) {
    List<Task> found = new ArrayList<>();
    for (Path path : list(stateDirectory)) {
      try {
        found.add(adopt(new TaskDirectory(path)));
      } catch (BerthException e) {
        onUnreadable.accept(path, e);
      }
    }
    return found;
  }

  /** Finds one task by its id; NOT_FOUND if there is none. */
  public Task adopt(String id) {
    return adopt(new TaskDirectory(stateDirectory.resolve(Ids.requireName("container id", id))));
  }

  private Task adopt(TaskDirectory directory) {
    TaskRecord record = TaskRecord.read(directory);
    Task task = new Task(this, directory, adopter(directory), find(directory, record), record);
    for (Path path : list(directory.execs())) {
      TaskDirectory exec = new TaskDirectory(path);
      TaskRecord execRecord = TaskRecord.read(exec);
      task.found(execRecord.id(), new TaskProcess(exec, adopter(exec), find(exec, execRecord)));
    }
    return task;
  }

  /** Reconnects to the stub; where there is none any more, to the process; else to its record. */
  private static TaskProcess.Hold find(TaskDirectory directory, TaskRecord record) {
    try {
      StubChannel watch = StubChannel.connect(directory, CONTROL_LIMIT);
      StubChannel.Reply reply =
          watch.ask(StubMessage.of(StubMessage.Kind.DESCRIPTORS), List.of(), CONTROL_LIMIT);
      Stub.Created found = Stub.created(reply.message().a(), reply.descriptors());
      return new TaskProcess.Hold(
          null,
          watch,
          found.pid(),
          found.pidfd(),
          found.master(),
          ProcessIo.hold(directory, record));
    } catch (BerthException e) {
      if (e.kind() != BerthException.Kind.UNAVAILABLE) {
        throw e;
      }
      return new TaskProcess.Hold(
          null, null, record.pid(), openProcess(record), null, ProcessIo.hold(directory, record));
    }
  }

  /** The process's pidfd; null if it is gone or its number names another process now. */
  private static @Nullable Fd openProcess(TaskRecord record) {
    Optional<Fd> pidfd = Processes.open(record.pid());
    boolean same =
        pidfd.isPresent()
            && Processes.startTime(record.pid())
                .equals(java.util.OptionalLong.of(record.startTime()));
    if (pidfd.isPresent() && !same) {
      pidfd.get().close();
    }
    return same ? pidfd.get() : null;
  }

  private static TaskProcess.Hold hold(
      Stub stub, Stub.Created created, TaskDirectory directory, TaskRecord record) {
    return new TaskProcess.Hold(
        stub,
        stub.channel(),
        created.pid(),
        created.pidfd(),
        created.master(),
        ProcessIo.hold(directory, record));
  }

  private TaskProcess.Adopter adopter(TaskDirectory directory) {
    return (pid, pidfd, master) -> {
      TaskRecord record = TaskRecord.read(directory);
      try (var files = new OpenFiles()) {
        Set<Slot> slots = ProcessIo.reopen(directory, record, files);
        if (pidfd != null) {
          files.lend(Slot.INIT.descriptor(), pidfd);
          slots.add(Slot.INIT);
        }
        if (master != null) {
          files.lend(Slot.MASTER.descriptor(), master);
          slots.add(Slot.MASTER);
        }
        Stub stub = Stub.launch(program, SuccessorPlan.of(slots), files.byName(), pid);
        stub.awaitAdopted();
        return stub;
      } catch (IOException e) {
        throw new BerthException(
            BerthException.Kind.INTERNAL,
            directory.path() + ": cannot replace berth-init: " + e,
            e);
      }
    };
  }

  private static List<Path> list(Path directory) {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.filter(Files::isDirectory).sorted().toList();
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, directory + ": cannot be listed: " + e, e);
    }
  }

  // ---- the rest of a task's life ----

  /** Signals every process of a container: with SIGKILL by its cgroup, which none can outrun. */
  void killAll(TaskRecord record, int signal) {
    cgroup(record.cgroup())
        .ifPresent(group -> {
          if (signal == 9) {
            group.kill();
          } else {
            for (long pid : group.pids()) {
              Processes.open((int) pid)
                  .ifPresent(pidfd -> {
                    try (pidfd) {
                      Processes.signal(pidfd, signal);
                    }
                  });
            }
          }
        });
  }

  /** The processes in a container's cgroup; without one, only those that we know. */
  List<Integer> pids(Task task, TaskRecord record) {
    Optional<Cgroup> group = cgroup(record.cgroup());
    if (group.isPresent()) {
      return group.get().pids().stream().map(Math::toIntExact).toList();
    }
    return Stream.concat(Stream.of(task), task.execs().values().stream())
        .filter(process -> process.poll().isEmpty())
        .map(TaskProcess::pid)
        .toList();
  }

  void delete(TaskRecord record, TaskDirectory directory) {
    cgroup(record.cgroup())
        .ifPresent(group -> {
          group.kill();
          group.delete(CGROUP_LIMIT);
        });
    deleteDirectory(directory);
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
  public void close() {}
}
