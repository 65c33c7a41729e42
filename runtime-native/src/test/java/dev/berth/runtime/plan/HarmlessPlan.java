package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.Errno;
import dev.berth.runtime.kernel.SyscallTable;
import java.time.Duration;
import java.util.List;

/**
 * A plan with a step of every kind that can harm nothing, however its fields are changed: its
 * system calls are getpid and gettid, which take no argument, its program does not exist, and its
 * data names nothing.
 */
public final class HarmlessPlan {
  private HarmlessPlan() {}

  /** Encodes it; it wants the descriptors of {@link Slot#EXIT_RECORD} and {@link Slot#OUT}. */
  public static byte[] encode() {
    PlanBuilder plan = new PlanBuilder();
    plan.slot(Slot.EXIT_RECORD);
    Reg fifo = plan.slot(Slot.MASTER);
    Arg.Data word = plan.longs("word", 0);
    Arg.Data all = plan.longs("all", -1);
    plan.store(word, 0, 8, fifo);
    plan.load(word, 0, 4);
    plan.check(word, 0, new byte[0], new byte[0], Errno.EPROTO, "nothing");
    Label there = plan.label();
    plan.call("getpid").on(Outcome.retry(Errno.EAGAIN)).on(Outcome.success(there));
    plan.fail(Errno.EPROTO);
    plan.place(there);
    Label end = plan.label();
    plan.skip(end);
    plan.fail(Errno.EPROTO);
    plan.place(end);
    Reg child = plan.reg("child");
    long[] cloneArgs = new long[Uapi.CLONE_ARGS_BYTES / 8];
    cloneArgs[Uapi.CLONE_ARGS_EXIT_SIGNAL / 8] = Uapi.SIGCHLD;
    plan.clone(
        plan.longs("clone_args", cloneArgs),
        true,
        () -> {
          plan.call("gettid").on(Outcome.tolerate(Errno.ENOSYS));
          plan.ask(Question.ID_MAPS);
          plan.sendFd(Slot.MASTER, fifo);
          plan.clone(
                  plan.longs("clone_args", cloneArgs),
                  false,
                  () -> plan.call("gettid").on(Outcome.tolerate(Errno.ENOSYS)))
              .into(child);
          plan.waitFor(child, Duration.ofSeconds(5));
          plan.ask(Question.START);
          plan.exec(
              List.of("/nonexistent/a", "/nonexistent/b"),
              plan.stringArray(List.of("a"), "argv"),
              plan.stringArray(List.of(), "envp"));
        });
    plan.check(all, 0, new byte[] {-1}, new byte[] {-1}, Errno.EPROTO, "ones");
    return plan.build().encode(SyscallTable.host(), 0);
  }
}
