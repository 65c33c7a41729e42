package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.Errno;
import org.jspecify.annotations.Nullable;

/**
 * Sets how soon the kernel kills a process that is short of memory: proc_pid_oom_score_adj(5).
 *
 * <p>Done while the host's /proc is still the one that is seen (rule R2), and with the rights of
 * the host, which lowering the score takes. A process that asks for none gets 0 and not the shim's,
 * if the kernel lets it go down to that.
 */
final class OomScoreSteps {
  private final PlanBuilder plan;
  private final @Nullable Integer score;
  private final ProcFile file;

  OomScoreSteps(PlanBuilder plan, @Nullable Integer score) {
    this.plan = plan;
    this.score = score;
    this.file = new ProcFile(plan, plan.reg("oom_score_adj"));
  }

  void set() {
    plan.from("process.oomScoreAdj");
    file.open("/proc/self/oom_score_adj");
    Step write = file.write(Integer.toString(score == null ? 0 : score));
    if (score == null) {
      write.on(Outcome.tolerate(Errno.EACCES)); // without CAP_SYS_RESOURCE it stays as it is
    }
    file.close();
  }
}
