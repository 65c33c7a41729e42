package dev.berth.runtime.plan;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.spec.Rlimit;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Sets every resource limit: what the spec asks for, and for the rest what a process that init
 * started would have. Nothing is left as the shim's JVM has it, which raises RLIMIT_NOFILE.
 *
 * <p>The defaults are the kernel's INIT_RLIMITS (asm-generic/resource.h) but for NOFILE, whose hard
 * limit is systemd's (DefaultLimitNOFILE), and for NPROC and SIGPENDING, which the kernel derives
 * from the memory of the machine: processes are limited by the pids controller, per container and
 * not per user. A default that is above the shim's own hard limit takes CAP_SYS_RESOURCE; without
 * it that limit stays as it is. What the spec asks for must succeed.
 */
final class LimitSteps {
  private static final long NONE = -1;
  private static final String OPEN_FILES = "RLIMIT_NOFILE";

  /** In the order of their numbers. */
  private static final List<Rlimit> DEFAULTS =
      List.of(
          same("RLIMIT_CPU", NONE),
          same("RLIMIT_FSIZE", NONE),
          same("RLIMIT_DATA", NONE),
          new Rlimit("RLIMIT_STACK", NONE, 8 << 20),
          new Rlimit("RLIMIT_CORE", NONE, 0),
          same("RLIMIT_RSS", NONE),
          same("RLIMIT_NPROC", NONE),
          new Rlimit(OPEN_FILES, 524_288, 1024),
          same("RLIMIT_MEMLOCK", 8 << 20),
          same("RLIMIT_AS", NONE),
          same("RLIMIT_LOCKS", NONE),
          same("RLIMIT_SIGPENDING", 65_536),
          same("RLIMIT_MSGQUEUE", 819_200),
          same("RLIMIT_NICE", 0),
          same("RLIMIT_RTPRIO", 0),
          same("RLIMIT_RTTIME", NONE));

  private final PlanBuilder plan;

  LimitSteps(PlanBuilder plan) {
    this.plan = plan;
  }

  private static Rlimit same(String type, long both) {
    return new Rlimit(type, both, both);
  }

  /** Emits the steps for all limits. */
  void setAll(List<Rlimit> asked) {
    asked.forEach(this::setAsked);
    Map<String, Rlimit> given =
        asked.stream().collect(Collectors.toMap(Rlimit::type, limit -> limit, (a, _) -> a));
    plan.from("default limits");
    for (Rlimit limit : DEFAULTS) {
      if (!given.containsKey(limit.type())) {
        setDefault(limit);
      }
    }
  }

  private void setAsked(Rlimit limit) {
    plan.from("process.rlimits " + limit.type());
    set(limit);
  }

  private void setDefault(Rlimit limit) {
    if (limit.type().equals(OPEN_FILES)) {
      setOpenFiles(limit);
    } else {
      set(limit).on(Outcome.tolerate(Errno.EPERM));
    }
  }

  /** Where the hard limit cannot be raised, at least the soft one is as it should be. */
  private void setOpenFiles(Rlimit limit) {
    Label done = plan.label();
    set(limit).on(Outcome.success(done)).on(Outcome.tolerate(Errno.EPERM));
    Arg.Data soft = plan.longs("{ " + limit.soft() + " }", limit.soft());
    Arg.Data kept = plan.longs("{ soft, hard }", 0, 0);
    Reg value = plan.reg("soft");
    plan.call("prlimit64", Arg.of(0), resource(limit), Arg.of(0), kept);
    plan.load(soft, 0, 8).into(value);
    plan.store(kept, 0, 8, value);
    plan.call("prlimit64", Arg.of(0), resource(limit), kept, Arg.of(0))
        .on(Outcome.tolerate(Errno.EINVAL)); // the hard limit is below it
    plan.place(done);
  }

  private Step set(Rlimit limit) {
    return plan.call(
        "prlimit64",
        Arg.of(0),
        resource(limit),
        plan.longs(
            "{ " + text(limit.soft()) + " " + text(limit.hard()) + " }",
            limit.soft(),
            limit.hard()),
        Arg.of(0));
  }

  private static String text(long value) {
    return value == NONE ? "unlimited" : Long.toUnsignedString(value);
  }

  private static Arg resource(Rlimit limit) {
    Integer number = Uapi.RLIMITS.get(limit.type());
    if (number == null) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "process.rlimits: unknown type \"" + limit.type() + "\"");
    }
    return Arg.of(number, limit.type());
  }
}
