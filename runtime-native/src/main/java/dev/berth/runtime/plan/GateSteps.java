package dev.berth.runtime.plan;

import org.jspecify.annotations.Nullable;

/**
 * The start gate of a process that waits without a stub: a listening socket, passed as {@code
 * gate}. Who connects opens it, and sees his connection end when the program is executed.
 */
final class GateSteps {
  private final PlanBuilder plan;
  private final @Nullable Reg gate;

  private GateSteps(PlanBuilder plan, @Nullable Reg gate) {
    this.plan = plan;
    this.gate = gate;
  }

  /** Declares the descriptor, for a process that has a gate of its own. */
  static GateSteps declare(PlanBuilder plan, boolean gated) {
    return new GateSteps(plan, gated ? plan.descriptor("gate") : null);
  }

  /**
   * Waits to be started. The stub is asked first in any case; with a gate of its own the process
   * outlives it from there on, and so has looked for its program before: whoever creates a
   * container is still there to be told.
   */
  void await(ProcessSteps user, PreservedSteps preserved) {
    if (gate != null) {
      user.findProgram();
      plan.from("start");
      plan.call("prctl", Uapi.PR_SET_PDEATHSIG, Arg.of(0));
    }
    plan.from("start");
    plan.ask(Question.START);
    if (gate != null) {
      Reg starter = plan.reg("starter");
      plan.call("accept4", gate, Arg.of(0), Arg.of(0), Emitter.flags(Uapi.O_CLOEXEC, "CLOEXEC"))
          .into(starter);
      plan.call("fcntl", starter, Uapi.F_DUPFD_CLOEXEC, Arg.of(preserved.firstFree()))
          .into(starter);
    }
  }
}
