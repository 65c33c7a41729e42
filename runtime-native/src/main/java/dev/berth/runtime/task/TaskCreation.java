package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.base.Rollback;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Processes;
import dev.berth.runtime.plan.CgroupEntry;
import dev.berth.runtime.plan.ContainerPlan;
import dev.berth.runtime.plan.LaunchInput;
import dev.berth.runtime.plan.LaunchPlan;
import dev.berth.runtime.plan.MappedMounts;
import dev.berth.runtime.plan.Placement;
import dev.berth.runtime.plan.SeccompProgram;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.Hooks;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.Resources;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.Optional;
import org.jspecify.annotations.Nullable;

/** Creates one task, or nothing: what was made is undone when a later stage fails. */
final class TaskCreation {
  private final Tasks tasks;
  private final Launcher launcher;
  private final TaskSpec spec;
  private final Linux linux;
  private final ContainerProcess process;
  private final Operation operation;
  private final Rollback rollback = new Rollback();

  TaskCreation(Tasks tasks, Launcher launcher, TaskSpec spec, Operation operation) {
    if (spec.spec().linux() == null || spec.spec().process() == null) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, "config.json: process or linux is missing");
    }
    this.tasks = tasks;
    this.launcher = launcher;
    this.spec = spec;
    this.linux = spec.spec().linux();
    this.process = spec.spec().process();
    this.operation = operation;
  }

  /** Creates the task below a directory. */
  Task run(Path stateDirectory) {
    ContainerHooks hooks = tasks.hooks(spec.id(), spec.bundle(), spec.spec());
    try (var answers = new CreateAnswers(spec.spec(), hooks, operation);
        rollback) {
      rollback.onFailure("run hooks", () -> endHooks(answers, hooks));
      operation.enter(CreateTaskStage.DIRECTORY);
      TaskDirectory directory = makeDirectory(stateDirectory.resolve(spec.id()));
      operation.enter(CreateTaskStage.CGROUP);
      try (Occupant occupant = launcher.occupant()) {
        Optional<Cgroup> cgroup = makeCgroup(occupant);
        Task task = launch(directory, cgroup, makeResourceGroup(directory), answers);
        rollback.commit();
        return task;
      }
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, "container " + spec.id() + ": " + e, e);
    }
  }

  /** What is undone is gone by now: a hook may depend on it as on that of a container that ran. */
  private static void endHooks(CreateAnswers answers, ContainerHooks hooks) {
    if (answers.hooksBegun()) {
      hooks.runAfterStop();
    }
  }

  private TaskDirectory makeDirectory(Path path) throws IOException {
    try {
      TaskDirectory directory = TaskDirectory.create(path);
      rollback.onFailure("remove " + path, directory::delete);
      Files.writeString(directory.config(), spec.json()); // says what to undo if we are killed
      return directory;
    } catch (FileAlreadyExistsException e) {
      throw new BerthException(
          BerthException.Kind.ALREADY_EXISTS, "container " + spec.id() + ": already exists", e);
    }
  }

  private Optional<Cgroup> makeCgroup(Occupant occupant) {
    Optional<Cgroup> cgroup = launcher.cgroup(linux.cgroupsPath());
    cgroup.ifPresent(group -> {
      group.create(
          linux.resources() == null ? Resources.builder().build() : linux.resources(),
          occupant::pid);
      rollback.onFailure("remove cgroup " + group.path(), () -> Tasks.deleteCgroup(group));
    });
    return cgroup;
  }

  private @Nullable ResourceGroup makeResourceGroup(TaskDirectory directory) {
    ResourceGroup group = launcher.resourceGroup(linux, spec.id());
    if (group != null) {
      rollback.onFailure("remove the group of resctrl", () -> ResourceGroup.remove(directory));
      group.create(directory);
    }
    return group;
  }

  private Task launch(
      TaskDirectory directory,
      Optional<Cgroup> cgroup,
      @Nullable ResourceGroup group,
      CreateAnswers answers)
      throws IOException {
    operation.enter(CreateTaskStage.STDIO);
    IdMappings ids = linux.idMappings();
    long owner = IdMaps.ownerOf(process, ids);
    try (var files = new OpenFiles()) {
      ProcessIo io = ProcessIo.open(directory, spec.io(), process, (int) owner, files);
      for (Namespace namespace : linux.namespaces()) {
        if (namespace.path() != null) {
          files.add("ns." + namespace.type(), NamespaceFiles.open(namespace));
        }
      }
      openMappings(files);
      answers.pass(files);
      ProcessIo.preserve(spec.options(), files);
      StartGate gate = new StartGate(directory);
      if (isReleased()) {
        gate.listen(files);
      }
      CgroupEntry entry = Launcher.enter(cgroup, files);
      operation.enter(CreateTaskStage.COMPILE);
      SeccompProgram filter = launcher.compile(linux.seccomp());
      LaunchPlan plan = compile(entry, io, filter);
      operation.enter(CreateTaskStage.SPAWN);
      Stub stub = spawn(plan, files, gate);
      rollback.onFailure("end berth-init", stub::abort);
      operation.enter(CreateTaskStage.SETUP);
      Stub.Created created = stub.awaitCreated(answers);
      rollback.onFailure("let go of the process", created::close);
      Launcher.adjust(created.pid(), process);
      if (group != null) {
        group.add(created.pid());
      }
      operation.enter(CreateTaskStage.RECORD);
      TaskRecord record = record(created.pid());
      record.write(directory);
      return new Task(
          tasks,
          directory,
          launcher.adopter(directory),
          isReleased() ? release(stub, created) : Launcher.hold(stub, created, directory, record),
          record,
          new ExecCreation.Surroundings(
              process,
              ids,
              filter,
              Placement.of(linux),
              group,
              SeccompAgent.of(spec.id(), spec.bundle().toString(), spec.spec())));
    }
  }

  private boolean isReleased() {
    return spec.io() instanceof TaskIo.Released;
  }

  private Stub spawn(LaunchPlan plan, OpenFiles files, StartGate gate) throws IOException {
    if (!isReleased()) {
      return launcher.spawn(plan, files);
    }
    gate.describe(plan);
    try (Fd memory = gate.createPlan()) {
      return launcher.spawn(plan, files, memory);
    }
  }

  private TaskProcess.Hold release(Stub stub, Stub.Created created) {
    Launcher.handOver(created, spec.io());
    stub.release();
    return TaskProcess.Hold.released(created.pid(), created.pidfd());
  }

  /** Gives the plan a user namespace for every way in which mounts map ids. */
  private void openMappings(OpenFiles files) {
    int index = 0;
    for (IdMappings ids : MappedMounts.of(spec.spec(), linux, spec.rootfs())) {
      files.add(MappedMounts.descriptor(index++), namespaceWith(ids));
    }
  }

  private Fd namespaceWith(IdMappings ids) {
    Optional<Namespace> joined =
        linux.namespace("user").filter(namespace -> namespace.path() != null);
    return joined.isPresent() && ids.equals(linux.idMappings())
        ? NamespaceFiles.open(joined.get())
        : launcher.userNamespace(ids);
  }

  private LaunchPlan compile(CgroupEntry entry, ProcessIo io, @Nullable SeccompProgram filter) {
    return ContainerPlan.compile(
        new LaunchInput(
            spec.id(),
            spec.spec(),
            spec.rootfs(),
            entry,
            io.stdio(),
            filter,
            io.slots(),
            isReleased(),
            spec.options()));
  }

  private TaskRecord record(int pid) {
    Path log = spec.io() instanceof TaskIo.Log(var path, var _) ? path : null;
    Path stdin =
        switch (spec.io()) {
          case TaskIo.Log(var _, TaskIo.Input.Fifo(var path)) -> path;
          case TaskIo.Log _ -> null;
          case TaskIo.Pipes(var path, var _, var _) -> path;
          case TaskIo.Inherited() -> null;
          case TaskIo.Released _ -> null;
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
        spec.io() instanceof TaskIo.Log,
        text(log),
        text(stdin),
        text(stdout),
        linux.namespaces().stream().map(Namespace::type).toList(),
        linux.cgroupsPath(),
        !Hooks.of(spec.spec().hooks()).isEmpty(),
        isReleased());
  }

  private static @Nullable String text(@Nullable Path path) {
    return path == null ? null : path.toString();
  }
}
