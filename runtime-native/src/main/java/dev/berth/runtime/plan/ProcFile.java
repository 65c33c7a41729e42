package dev.berth.runtime.plan;

import java.nio.charset.StandardCharsets;

/**
 * A file of the host's /proc by which a process changes itself. Written only while that /proc is
 * still the one that is seen: what a container has mounted there could be a file that takes the
 * write and does nothing (rule R2).
 *
 * @param register where it is kept while it is open
 */
record ProcFile(PlanBuilder plan, Reg register) {
  Step open(String path) {
    return plan.call(
            "openat",
            Uapi.AT_FDCWD,
            plan.string(path),
            Emitter.flags(Uapi.O_WRONLY | Uapi.O_CLOEXEC, "WRONLY"),
            Arg.of(0))
        .into(register);
  }

  Step write(String text) {
    return plan.call(
        "write", register, plan.string(text), Arg.of(text.getBytes(StandardCharsets.UTF_8).length));
  }

  void close() {
    plan.call("close", register);
  }
}
