package dev.berth.runtime.plan;

import java.util.List;
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
    ProcFile file = new ProcFile(plan, plan.reg("selinux"));
    for (String attribute : List.of("exec", "keycreate")) {
      file.open(ATTRIBUTES + attribute);
      file.write(label);
      file.close();
    }
  }
}
