package dev.berth.runtime.plan;

import dev.berth.runtime.spec.ContainerProcess;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * Compiles the plan that runs one more process in a running container.
 *
 * <p>All namespaces are entered by one setns(2) of the first process's pidfd (descriptor {@code
 * target}); its PID namespace before that by the stub, for its child. The root is pinned too
 * (descriptor {@code target.root}, its /proc/PID/root): a mount namespace made inside a chroot
 * would otherwise be entered at the host's root.
 */
public final class ExecPlan {
  private static final Map<String, Long> FLAGS =
      Map.of(
          "mount", Uapi.CLONE_NEWNS,
          "network", Uapi.CLONE_NEWNET,
          "ipc", Uapi.CLONE_NEWIPC,
          "uts", Uapi.CLONE_NEWUTS,
          "user", Uapi.CLONE_NEWUSER,
          "cgroup", Uapi.CLONE_NEWCGROUP,
          "time", Uapi.CLONE_NEWTIME);

  private ExecPlan() {}

  /**
   * Compiles an exec's plan.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT naming the field of the process
   */
  public static LaunchPlan compile(ExecInput input) {
    PlanBuilder plan = new PlanBuilder();
    for (Slot slot : Slot.values()) {
      if (input.slots().contains(slot)) {
        plan.slot(slot);
      }
    }
    Reg target = plan.descriptor("target");
    Reg targetRoot = plan.descriptor("target.root");
    Reg[] passed = StdioSteps.declare(plan, input.stdio());
    List<Reg> cgroup = declareCgroup(plan, input.cgroup());
    PreservedSteps preserved = PreservedSteps.declare(plan, input.options());
    Emitter emit = new Emitter(plan);
    StdioSteps stdio = StdioSteps.of(plan, emit, input.stdio(), passed);
    OomScoreSteps score = new OomScoreSteps(plan, input.process().oomScoreAdj());
    AppArmorSteps appArmor = new AppArmorSteps(plan, input.process().apparmorProfile());
    SelinuxSteps selinux = new SelinuxSteps(plan, input.process().selinuxLabel());
    ProcessSteps user =
        new ProcessSteps(plan, emit, input.process(), input.seccomp(), input.placement(), true);

    plan.from("exec");
    if (input.namespaces().contains("pid")) {
      plan.call("setns", target, Emitter.flags(Uapi.CLONE_NEWPID, "pid"));
    }
    bindInitially(plan, input.process().execCpuAffinity());
    boolean intoCgroup = input.cgroup() instanceof CgroupEntry.V2;
    plan.from("exec");
    plan.clone(
        cloneArgs(plan, cgroup, intoCgroup),
        true,
        () -> {
          plan.call("prctl", Uapi.PR_SET_PDEATHSIG, Arg.of(Uapi.SIGKILL, "SIGKILL"));
          plan.call("prctl", Uapi.PR_SET_DUMPABLE, Arg.of(0));
          if (input.cgroup() instanceof CgroupEntry.V1) {
            for (Reg file : cgroup) {
              plan.call("write", file, plan.string("0"), Arg.of(1));
            }
          }
          score.set();
          appArmor.setProfile();
          selinux.setLabel();
          plan.from("exec");
          enter(plan, input.namespaces(), target);
          plan.call("fchdir", targetRoot);
          plan.call("chroot", plan.string("."));
          plan.call("dup", targetRoot).into(emit.root);
          becomeRoot(plan, input.namespaces());
          stdio.openTerminalInside(input.process().user().uid());
          user.openDirectory();
          user.enterDirectory();
          stdio.install();
          user.prepare(input.options().ownKeyring() ? "_ses." + input.containerId() : null);
          plan.from("start");
          plan.ask(Question.START);
          plan.call("prctl", Uapi.PR_SET_PDEATHSIG, Arg.of(0));
          stdio.startSession();
          preserved.install();
          user.execute();
        });
    return plan.build();
  }

  /** The stub binds itself, for the child that it clones: under v2 that is born in the cgroup. */
  private static void bindInitially(
      PlanBuilder plan, ContainerProcess.@Nullable ExecCpuAffinity affinity) {
    if (affinity != null && affinity.initial() != null) {
      plan.from("process.execCPUAffinity.initial");
      new SchedulingSteps(plan).bind(affinity.initial());
    }
  }

  private static void enter(PlanBuilder plan, List<String> namespaces, Reg target) {
    long flags = 0;
    List<String> names = new ArrayList<>();
    for (String type : namespaces) {
      Long flag = FLAGS.get(type);
      if (flag != null) {
        flags |= flag;
        names.add(type);
      }
    }
    plan.call("setns", target, Emitter.flags(flags, String.join("|", names)));
  }

  /** Inside a user namespace the process arrives as nobody it knows. */
  private static void becomeRoot(PlanBuilder plan, List<String> namespaces) {
    if (namespaces.contains("user")) {
      plan.call("setresgid", Arg.of(0), Arg.of(0), Arg.of(0));
      plan.call("setresuid", Arg.of(0), Arg.of(0), Arg.of(0));
    }
  }

  private static List<Reg> declareCgroup(PlanBuilder plan, CgroupEntry cgroup) {
    List<Reg> files = new ArrayList<>();
    switch (cgroup) {
      case CgroupEntry.V1(int hierarchies, var _) -> {
        for (int i = 0; i < hierarchies; i++) {
          files.add(plan.descriptor("cgroup." + i));
        }
      }
      case CgroupEntry.V2() -> files.add(plan.descriptor("cgroup"));
      case CgroupEntry.None() -> {}
    }
    return files;
  }

  private static Arg.Data cloneArgs(PlanBuilder plan, List<Reg> cgroup, boolean intoCgroup) {
    long[] fields = new long[Uapi.CLONE_ARGS_BYTES / 8];
    fields[0] = intoCgroup ? Uapi.CLONE_INTO_CGROUP : 0;
    fields[Uapi.CLONE_ARGS_EXIT_SIGNAL / 8] = Uapi.SIGCHLD;
    Arg.Data args = plan.longs(intoCgroup ? "{ into_cgroup }" : "{ }", fields);
    if (intoCgroup) {
      plan.store(args, Uapi.CLONE_ARGS_CGROUP, 8, cgroup.getFirst());
    }
    return args;
  }
}
