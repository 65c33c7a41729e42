package dev.berth.runtime.plan;

import dev.berth.runtime.kernel.Errno;
import java.nio.charset.StandardCharsets;
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
  private final Reg file;

  AppArmorSteps(PlanBuilder plan, @Nullable String profile) {
    this.plan = plan;
    this.profile = profile;
    this.file = plan.reg("apparmor");
  }

  void setProfile() {
    if (profile == null) {
      return;
    }
    plan.from("process.apparmorProfile");
    Label missing = plan.label();
    Label opened = plan.label();
    open(ATTRIBUTE).on(Outcome.success(opened)).on(Outcome.go(Errno.ENOENT, missing));
    plan.place(missing);
    open(OLD_ATTRIBUTE);
    plan.place(opened);
    String command = "exec " + profile;
    plan.call(
            "write",
            file,
            plan.string(command),
            Arg.of(command.getBytes(StandardCharsets.UTF_8).length))
        .about("\"" + profile + "\"");
    plan.call("close", file);
  }

  private Step open(String path) {
    return plan.call(
            "openat",
            Uapi.AT_FDCWD,
            plan.string(path),
            Emitter.flags(Uapi.O_WRONLY | Uapi.O_CLOEXEC, "WRONLY"),
            Arg.of(0))
        .into(file);
  }
}
