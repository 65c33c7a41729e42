package dev.berth.runtime.plan;

import java.nio.charset.StandardCharsets;
import org.jspecify.annotations.Nullable;

/**
 * Asks the kernel to give a process an SELinux label from its next exec on, and the session keyring
 * that it is about to make the same one.
 *
 * <p>Written where {@link AppArmorSteps} writes, and for the same reasons. A kernel without SELinux
 * refuses it with EINVAL.
 */
final class SelinuxSteps {
  private static final String ATTRIBUTES = "/proc/thread-self/attr/";

  private final PlanBuilder plan;
  private final @Nullable String label;

  SelinuxSteps(PlanBuilder plan, @Nullable String label) {
    this.plan = plan;
    this.label = label;
  }

  void setLabel() {
    if (label == null) {
      return;
    }
    plan.from("process.selinuxLabel");
    Reg file = plan.reg("selinux");
    write(label, "exec", file);
    write(label, "keycreate", file);
  }

  private void write(String text, String attribute, Reg file) {
    plan.call(
            "openat",
            Uapi.AT_FDCWD,
            plan.string(ATTRIBUTES + attribute),
            Emitter.flags(Uapi.O_WRONLY | Uapi.O_CLOEXEC, "WRONLY"),
            Arg.of(0))
        .into(file);
    plan.call(
        "write", file, plan.string(text), Arg.of(text.getBytes(StandardCharsets.UTF_8).length));
    plan.call("close", file);
  }
}
