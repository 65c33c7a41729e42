package dev.berth.runtime.plan;

import dev.berth.runtime.spec.TimeOffset;
import java.util.Map;
import java.util.TreeMap;

/**
 * Gives a process a time namespace of its own, without another process: time_namespaces(7).
 *
 * <p>An unshared one is for children only, which keeps its clocks open until the first process is
 * inside. So the offsets are written between unsharing it and entering it by its own file, which a
 * process of one thread may do. The host's /proc is still the one that is seen; its files belong to
 * the host's root, who the process still is in numbers, even inside a user namespace.
 */
final class TimeSteps {
  private final PlanBuilder plan;
  private final ProcFile file;

  TimeSteps(PlanBuilder plan) {
    this.plan = plan;
    this.file = new ProcFile(plan, plan.reg("time"));
  }

  void enter(Map<String, TimeOffset> offsets) {
    plan.from("linux.namespaces time");
    plan.call("unshare", Emitter.flags(Uapi.CLONE_NEWTIME, "NEWTIME"));
    new TreeMap<>(offsets).forEach(this::set);
    plan.from("linux.namespaces time");
    Reg own = file.register();
    plan.call(
            "openat",
            Uapi.AT_FDCWD,
            plan.string("/proc/self/ns/time_for_children"),
            Emitter.flags(Uapi.O_CLOEXEC, "RDONLY"),
            Arg.of(0))
        .into(own);
    plan.call("setns", own, Arg.of(Uapi.CLONE_NEWTIME, "NEWTIME"));
    plan.call("close", own);
  }

  /** The kernel takes a write only at the file's beginning, so each clock opens it anew. */
  private void set(String clock, TimeOffset offset) {
    plan.from("linux.timeOffsets[\"" + clock + "\"]");
    file.open("/proc/self/timens_offsets");
    file.write(clock + " " + offset.secs() + " " + offset.nanosecs());
    file.close();
  }
}
