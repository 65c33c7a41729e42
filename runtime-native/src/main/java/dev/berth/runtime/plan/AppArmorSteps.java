package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.Errno;
import org.jspecify.annotations.Nullable;

/**
 * Asks the kernel to confine a process by an AppArmor profile from its next exec on.
 *
 * <p>Done while the host's /proc is still the one that is seen: what the container has mounted
 * there could be a file that takes the write and does nothing (CVE-2019-16884). The kernel wants
 * whoever writes to be who opened, so both happen at once; nothing between here and the program's
 * exec executes anything else.
 */
final class AppArmorSteps {
  private static final String ATTRIBUTE = "/proc/thread-self/attr/apparmor/exec";

  /** Before Linux 5.8 there was one for all security modules. */
  private static final String OLD_ATTRIBUTE = "/proc/thread-self/attr/exec";

  private final PlanBuilder plan;
  private final @Nullable String profile;
  private final ProcFile file;

  AppArmorSteps(PlanBuilder plan, @Nullable String profile) {
    this.plan = plan;
    this.profile = profile;
    this.file = new ProcFile(plan, plan.reg("apparmor"));
  }

  void setProfile() {
    if (profile == null) {
      return;
    }
    plan.from("process.apparmorProfile");
    Label missing = plan.label();
    Label opened = plan.label();
    file.open(ATTRIBUTE).on(Outcome.success(opened)).on(Outcome.go(Errno.ENOENT, missing));
    plan.place(missing);
    file.open(OLD_ATTRIBUTE);
    plan.place(opened);
    file.write("exec " + profile).about("\"" + profile + "\"");
    file.close();
  }
}
