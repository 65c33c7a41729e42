package dev.berth.runtime.plan;

import dev.berth.runtime.spec.Hooks;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * The hooks at the two points where the container's process is asked for them: before its root is
 * changed, and between the start gate and its program.
 *
 * <p>Hooks of the runtime's namespaces are run by whoever is asked. Those of the container's are
 * children of its process, one after another, with the container's state as their standard input. A
 * hook that fails, or that takes longer than it may, fails the plan.
 */
public final class HookSteps {
  /** The descriptor of a file that holds the state by the time it is read. */
  public static final String STATE = "hooks.state";

  private final PlanBuilder plan;
  private final Hooks hooks;
  private final @Nullable Reg state;

  private HookSteps(PlanBuilder plan, Hooks hooks) {
    this.plan = plan;
    this.hooks = hooks;
    this.state = needState(hooks) ? plan.descriptor(STATE) : null;
  }

  /** Declares the state's descriptor, if it is needed; call before the first register is made. */
  static HookSteps declare(PlanBuilder plan, @Nullable Hooks hooks) {
    return new HookSteps(plan, Hooks.of(hooks));
  }

  /** True if a plan with these hooks wants the descriptor {@link #STATE}. */
  public static boolean needState(Hooks hooks) {
    return !hooks.createContainer().isEmpty() || !hooks.startContainer().isEmpty();
  }

  /** True if hooks look for the container's root before it becomes the root. */
  boolean lookForRoot() {
    return hooks.anyBeforePivot();
  }

  /**
   * Runs prestart, createRuntime and createContainer hooks. The latter see the host's files, in the
   * container's namespaces and with all capabilities.
   */
  void beforePivot() {
    if (hooks.anyBeforePivot()) {
      plan.from("hooks");
      plan.ask(Question.CREATE_HOOKS);
    }
    each(
        "createContainer",
        hooks.createContainer(),
        List.of(),
        () -> {
          plan.call("umask", Emitter.mode(0022)); // the stub has none
        });
    if (!hooks.startContainer().isEmpty()) {
      plan.from("hooks.startContainer");
      plan.ask(Question.CREATED_STATE);
    }
  }

  /**
   * Runs startContainer hooks: programs of the container's own, so each is confined as the
   * container's program will be.
   *
   * @param environment of a hook that has none
   * @param confine the last that a process does before it executes what is not trusted
   */
  void beforeProgram(List<String> environment, Runnable confine) {
    if (hooks.startContainer().isEmpty()) {
      return;
    }
    plan.from("hooks.startContainer");
    // A change of the user has taken it back: prctl(2).
    plan.call("prctl", Uapi.PR_SET_PDEATHSIG, Arg.of(Uapi.SIGKILL, "SIGKILL"));
    each("startContainer", hooks.startContainer(), environment, confine);
  }

  private void each(
      String point, List<Hooks.Hook> list, List<String> environment, Runnable confine) {
    if (list.isEmpty() || state == null) {
      return;
    }
    Reg child = plan.reg("hook");
    for (int i = 0; i < list.size(); i++) {
      Hooks.Hook hook = list.get(i);
      String field = "hooks." + point + "[" + i + "]";
      plan.from(field);
      plan.clone(
              cloneArgs(),
              false,
              () -> {
                run(field, state, hook, environment, confine);
              })
          .into(child);
      plan.from(field);
      plan.waitFor(child, hook.limit()).about(hook.path());
    }
  }

  private void run(
      String field, Reg stdin, Hooks.Hook hook, List<String> environment, Runnable confine) {
    plan.call("prctl", Uapi.PR_SET_PDEATHSIG, Arg.of(Uapi.SIGKILL, "SIGKILL"));
    plan.call("setpgid", Arg.of(0), Arg.of(0));
    plan.call("lseek", stdin, Arg.of(0), Arg.of(0, "SET"));
    plan.call("dup3", stdin, Arg.of(0), Arg.of(0));
    plan.call("close_range", Arg.of(3), Arg.of(0xffffffffL, "~0"), Uapi.CLOSE_RANGE_CLOEXEC);
    confine.run();
    plan.from(field + ".path");
    plan.execAside(
        hook.path(),
        plan.stringArray(hook.arguments(), "argv"),
        plan.stringArray(
            Environment.unique(hook.env().isEmpty() ? environment : hook.env()), "envp"));
  }

  private Arg.Data cloneArgs() {
    long[] fields = new long[Uapi.CLONE_ARGS_BYTES / 8];
    fields[Uapi.CLONE_ARGS_EXIT_SIGNAL / 8] = Uapi.SIGCHLD;
    return plan.longs("{ }", fields);
  }
}
