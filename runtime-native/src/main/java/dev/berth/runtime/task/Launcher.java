package dev.berth.runtime.task;

import static java.util.Objects.requireNonNull;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.Cgroups;
import dev.berth.runtime.kernel.ConsoleSocket;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NamespaceType;
import dev.berth.runtime.plan.CgroupEntry;
import dev.berth.runtime.plan.LaunchPlan;
import dev.berth.runtime.plan.SeccompProgram;
import dev.berth.runtime.plan.Slot;
import dev.berth.runtime.plan.SuccessorPlan;
import dev.berth.runtime.seccomp.SeccompCompiler;
import dev.berth.runtime.seccomp.SeccompFilter;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.IntelRdt;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.Seccomp;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.Supplier;
import org.jspecify.annotations.Nullable;

/**
 * What the launches of containers, execs and successors of killed stubs share: the program, the
 * cgroups, the seccomp compiler. Thread-safe.
 */
final class Launcher {
  /** A node has a handful of profiles: the default one and some of its users' own. */
  private static final int MAX_PROGRAMS = 16;

  private final StubPool stubs;
  private final Cgroups cgroups;
  private final Supplier<Optional<Path>> resctrl;
  private final SeccompCompiler seccomp = new SeccompCompiler();

  @GuardedBy("programs") private final Map<Seccomp, SeccompProgram> programs =
      new LinkedHashMap<>(MAX_PROGRAMS, 0.75f, true) {
        @Override
        protected boolean removeEldestEntry(Map.Entry<Seccomp, SeccompProgram> eldest) {
          return size() > MAX_PROGRAMS;
        }
      };

  /**
   * @param resctrl tells where that file system is mounted, if it is
   */
  Launcher(StubPool stubs, Cgroups cgroups, Supplier<Optional<Path>> resctrl) {
    this.stubs = stubs;
    this.cgroups = cgroups;
    this.resctrl = resctrl;
  }

  Optional<Cgroup> cgroup(@Nullable String path) {
    return Optional.ofNullable(path).map(cgroups::named);
  }

  /**
   * Returns the group of resctrl that a container is to be in; null if it asks for none.
   *
   * @throws BerthException FAILED_PRECONDITION if it does and the host has none mounted
   */
  @Nullable ResourceGroup resourceGroup(Linux linux, String containerId) {
    IntelRdt wanted = linux.intelRdt();
    if (wanted == null) {
      return null;
    }
    Path root =
        resctrl
            .get()
            .orElseThrow(() ->
                new BerthException(
                    BerthException.Kind.FAILED_PRECONDITION,
                    "linux.intelRdt: the resctrl file system is not mounted"));
    return new ResourceGroup(root, wanted, containerId);
  }

  /** Returns a process for a group that cannot be made empty; spawned if it is asked for. */
  Occupant occupant() {
    return new Occupant(stubs);
  }

  /** Opens what a process needs to enter a group by itself. */
  static CgroupEntry enter(Optional<Cgroup> cgroup, OpenFiles files) {
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

  /** Compiles a profile; containers of one profile share the program. */
  @Nullable SeccompProgram compile(@Nullable Seccomp profile) {
    if (profile == null) {
      return null;
    }
    synchronized (programs) {
      return programs.computeIfAbsent(profile, this::compileNew);
    }
  }

  private SeccompProgram compileNew(Seccomp profile) {
    SeccompFilter filter = seccomp.compile(profile);
    return new SeccompProgram(filter.program(), filter.flags());
  }

  /** Makes a user namespace that only says how ids are mapped; closed by the caller. */
  Fd userNamespace(IdMappings ids) {
    return requireNonNull(
        new UserNamespaces(stubs).create(ids, Set.of()).get(NamespaceType.USER), "made");
  }

  /** The same with the plan in a file. */
  Stub spawn(LaunchPlan plan, OpenFiles files, Fd memory) {
    return Stub.launch(stubs, plan, files.byName(), 0, memory);
  }

  /** Gives a stub the plan; see {@link Stub#launch}. */
  Stub spawn(LaunchPlan plan, OpenFiles files) {
    return Stub.launch(stubs, plan, files.byName(), 0);
  }

  /**
   * Writes from outside what must not depend on the container's own /proc (rule R2). A process that
   * asks for no score gets 0 and not the shim's, if the kernel lets it go down to that.
   *
   * @throws BerthException FAILED_PRECONDITION naming the field
   */
  static void adjust(int pid, ContainerProcess process) {
    Integer score = process.oomScoreAdj();
    try {
      Files.writeString(
          Path.of("/proc", Integer.toString(pid), "oom_score_adj"),
          Integer.toString(score == null ? 0 : score));
    } catch (IOException e) {
      if (score == null) {
        return; // without CAP_SYS_RESOURCE it stays as high as the shim's
      }
      throw new BerthException(
          BerthException.Kind.FAILED_PRECONDITION,
          "process.oomScoreAdj: " + score + " cannot be set: " + e.getMessage(),
          e);
    }
  }

  /** Sends the master of a process's terminal to whoever waits for it, and lets go of it. */
  static void handOver(Stub.Created created, TaskIo io) {
    if (io instanceof TaskIo.Released(Path console)
        && console != null
        && created.master() != null) {
      ConsoleSocket.send(console, created.master());
      created.master().close();
    }
  }

  /** Takes hold of what a stub has created. */
  static TaskProcess.Hold hold(
      Stub stub, Stub.Created created, TaskDirectory directory, TaskRecord record) {
    return TaskProcess.Hold.made(stub, created, ProcessIo.hold(directory, record));
  }

  /** Returns what puts a successor in the place of a killed stub. */
  TaskProcess.Adopter adopter(TaskDirectory directory) {
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
        Stub stub = Stub.launch(stubs, SuccessorPlan.of(slots), files.byName(), pid);
        awaitAdopted(stub);
        return stub;
      } catch (IOException e) {
        throw new BerthException(
            BerthException.Kind.INTERNAL,
            directory.path() + ": cannot replace berth-init: " + e,
            e);
      }
    };
  }

  /** One that cannot take over is ended and leaves nothing; the process runs on. */
  private static void awaitAdopted(Stub stub) {
    try {
      stub.awaitAdopted();
    } catch (RuntimeException e) {
      stub.abort();
      throw e;
    }
  }
}
