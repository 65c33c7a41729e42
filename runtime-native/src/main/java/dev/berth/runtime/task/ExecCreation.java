package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.base.Rollback;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.OpenFlag;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.plan.CgroupEntry;
import dev.berth.runtime.plan.ExecInput;
import dev.berth.runtime.plan.ExecPlan;
import dev.berth.runtime.plan.LaunchPlan;
import dev.berth.runtime.plan.Placement;
import dev.berth.runtime.plan.SeccompProgram;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.IdMappings;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Path;
import java.time.Instant;
import org.jspecify.annotations.Nullable;

/** Makes one additional process of a task, or nothing. */
final class ExecCreation {
  private static final int SIGKILL = 9;

  private final Launcher launcher;
  private final Task task;
  private final TaskRecord record;
  private final Surroundings surroundings;
  private final ExecSpec spec;
  private final Operation operation;

  /**
   * What a process executed in a container shares with its first one, from its config.json.
   *
   * @param process the first one
   * @param ids of its user namespace
   * @param group of resctrl; null for none
   * @param agent of its seccomp filter; null for none
   */
  record Surroundings(
      ContainerProcess process,
      IdMappings ids,
      @Nullable SeccompProgram seccomp,
      Placement placement,
      @Nullable ResourceGroup group,
      @Nullable SeccompAgent agent) {}

  ExecCreation(
      Launcher launcher,
      Task task,
      TaskRecord record,
      Surroundings surroundings,
      ExecSpec spec,
      Operation operation) {
    this.launcher = launcher;
    this.task = task;
    this.record = record;
    this.surroundings = surroundings;
    this.spec = spec;
    this.operation = operation;
  }

  /** Makes it up to its start gate, with a directory in which others find it. */
  TaskProcess create() {
    try (var rollback = new Rollback();
        var files = new OpenFiles()) {
      operation.enter(ExecTaskStage.DIRECTORY);
      TaskDirectory directory = makeDirectory();
      rollback.onFailure("remove " + directory.path(), directory::delete);
      operation.enter(ExecTaskStage.STDIO);
      ProcessIo io = ProcessIo.open(directory, spec.io(), spec.process(), owner(), files);
      ProcessIo.preserve(spec.options(), files);
      Stub stub = spawn(io, files, rollback);
      operation.enter(ExecTaskStage.SETUP);
      Stub.Created created = stub.awaitCreated(ExecCreation::refuseIdMaps);
      rollback.onFailure("let go of the process", created::close);
      enterGroup(created);
      operation.enter(ExecTaskStage.RECORD);
      TaskRecord execRecord = record(created.pid());
      execRecord.write(directory);
      rollback.commit();
      return new TaskProcess(
          directory,
          launcher.adopter(directory),
          Launcher.hold(stub, created, directory, execRecord));
    } catch (IOException e) {
      throw new BerthException(BerthException.Kind.INTERNAL, "exec " + spec.execId() + ": " + e, e);
    }
  }

  /** Makes and starts it; nothing of it is on disk. */
  Command start() {
    try (var rollback = new Rollback();
        var files = new OpenFiles()) {
      operation.enter(ExecTaskStage.STDIO);
      ProcessIo io = ProcessIo.pass(spec.io(), spec.process(), owner(), files);
      Stub stub = spawn(io, files, rollback);
      boolean early = surroundings.group() == null; // which it must be in before it starts
      if (early) {
        stub.sendStart();
      }
      operation.enter(ExecTaskStage.SETUP);
      Stub.Created created = stub.awaitCreated(ExecCreation::refuseIdMaps);
      rollback.onFailure("let go of the process", created::close);
      enterGroup(created);
      if (!early) {
        stub.sendStart();
      }
      operation.enter(ExecTaskStage.START);
      stub.awaitStarted(listener -> tellAgent(listener, created));
      rollback.commit();
      return new Command(stub, created, task::pids);
    }
  }

  /**
   * Makes it, starts it, and leaves it to another parent; nothing of it is on disk.
   *
   * @return its number
   */
  int release() {
    if (!(spec.io() instanceof TaskIo.Released console)) {
      throw new IllegalArgumentException("exec " + spec.execId() + ": has a stub");
    }
    try (var rollback = new Rollback();
        var files = new OpenFiles()) {
      operation.enter(ExecTaskStage.STDIO);
      ProcessIo io = ProcessIo.open(console, spec.process(), files);
      ProcessIo.preserve(spec.options(), files);
      Stub stub = spawn(io, files, rollback);
      operation.enter(ExecTaskStage.SETUP);
      Stub.Created created = stub.awaitCreated(ExecCreation::refuseIdMaps);
      rollback.onFailure("let go of the process", created::close);
      enterGroup(created);
      Launcher.handOver(created, console);
      operation.enter(ExecTaskStage.START);
      stub.startAndRelease(listener -> tellAgent(listener, created));
      rollback.commit();
      created.close();
      return created.pid();
    }
  }

  /** A process of which the agent does not know must not run. */
  private void tellAgent(Fd listener, Stub.Created created) {
    SeccompAgent agent = surroundings.agent();
    try {
      if (agent != null) {
        agent.tell(listener, created.pid(), "running", record.pid());
      }
    } catch (BerthException e) {
      Processes.signal(created.pidfd(), SIGKILL);
      throw e;
    }
  }

  private void enterGroup(Stub.Created created) {
    ResourceGroup group = surroundings.group();
    if (group != null) {
      group.add(created.pid());
    }
  }

  private Stub spawn(ProcessIo io, OpenFiles files, Rollback rollback) {
    addTarget(files);
    CgroupEntry entry = Launcher.enter(launcher.cgroup(record.cgroup()), files);
    operation.enter(ExecTaskStage.COMPILE);
    LaunchPlan plan = compile(entry, io);
    operation.enter(ExecTaskStage.SPAWN);
    Stub stub = launcher.spawn(plan, files);
    rollback.onFailure("end berth-init", stub::abort);
    return stub;
  }

  private TaskDirectory makeDirectory() throws IOException {
    try {
      return TaskDirectory.create(task.directory().exec(spec.execId()).path());
    } catch (FileAlreadyExistsException e) {
      throw new BerthException(
          BerthException.Kind.ALREADY_EXISTS, "exec " + spec.execId() + ": already exists", e);
    }
  }

  private int owner() {
    return (int) IdMaps.ownerOf(spec.process(), surroundings.ids());
  }

  private void addTarget(OpenFiles files) {
    files.lend("target", requireRunning());
    files.add(
        "target.root",
        Descriptors.open(
            Path.of("/proc", Integer.toString(record.pid()), "root"),
            OpenFlag.PATH,
            OpenFlag.DIRECTORY));
  }

  private Fd requireRunning() {
    return task.pidfd()
        .orElseThrow(() ->
            new BerthException(
                BerthException.Kind.FAILED_PRECONDITION,
                "container " + task.id() + ": cannot execute in it, its process is gone"));
  }

  private LaunchPlan compile(CgroupEntry entry, ProcessIo io) {
    return ExecPlan.compile(
        new ExecInput(
            record.id(),
            spec.process(),
            record.namespaces(),
            entry,
            io.stdio(),
            surroundings.seccomp(),
            surroundings.placement(),
            io.slots(),
            spec.options()));
  }

  /** It joins the container's user namespace, which has its maps. */
  private static void refuseIdMaps(int pid) {
    throw Stub.Answers.outOfTurn(pid);
  }

  private TaskRecord record(int pid) {
    Path stdin = spec.io() instanceof TaskIo.Pipes(var path, var _, var _) ? path : null;
    Path stdout = spec.io() instanceof TaskIo.Pipes(var _, var path, var _) ? path : null;
    return new TaskRecord(
        TaskRecord.SCHEMA,
        spec.execId(),
        record.bundle(),
        pid,
        Processes.startTime(pid).orElse(0),
        Instant.now().toString(),
        true,
        spec.process().terminal(),
        spec.io() instanceof TaskIo.Log,
        null,
        text(stdin),
        text(stdout),
        record.namespaces(),
        record.cgroup(),
        false,
        false);
  }

  private static @Nullable String text(@Nullable Path path) {
    return path == null ? null : path.toString();
  }
}
