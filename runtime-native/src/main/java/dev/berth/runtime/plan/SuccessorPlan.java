package dev.berth.runtime.plan;

import java.util.Set;

/** The plan of a stub that takes over a running process: no steps, only its slots. */
public final class SuccessorPlan {
  private SuccessorPlan() {}

  /** Compiles it. */
  public static LaunchPlan of(Set<Slot> slots) {
    PlanBuilder plan = new PlanBuilder();
    for (Slot slot : Slot.values()) {
      if (slots.contains(slot)) {
        plan.slot(slot);
      }
    }
    return plan.build();
  }
}
