package dev.berth.runtime.plan;

import static java.util.Objects.requireNonNull;

import dev.berth.runtime.spec.MemoryPolicy;
import dev.berth.runtime.spec.NumberList;
import java.util.BitSet;

/** Sets the execution domain and the NUMA policy, which the program keeps over its exec. */
final class PlacementSteps {
  private final PlanBuilder plan;

  PlacementSteps(PlanBuilder plan) {
    this.plan = plan;
  }

  void set(Placement placement) {
    if (placement.personality() != null) {
      String domain = placement.personality().domain();
      plan.from("linux.personality");
      plan.call("personality", Arg.of(requireNonNull(Uapi.PERSONALITIES.get(domain)), domain));
    }
    if (placement.memoryPolicy() != null) {
      plan.from("linux.memoryPolicy");
      setMemoryPolicy(placement.memoryPolicy());
    }
  }

  private void setMemoryPolicy(MemoryPolicy policy) {
    long mode = requireNonNull(Uapi.MEMORY_POLICIES.get(policy.mode()));
    for (String flag : policy.flags()) {
      mode |= requireNonNull(Uapi.MEMORY_POLICY_FLAGS.get(flag));
    }
    Arg modeArg = Arg.of(mode, text(policy));
    String nodes = policy.nodes();
    if (nodes == null) {
      plan.call("set_mempolicy", modeArg, Arg.of(0), Arg.of(0));
      return;
    }
    BitSet numbers = new NumberList(nodes).numbers();
    // The kernel reads one bit less than it is told: get_nodes() of mm/mempolicy.c.
    long bits = (numbers.length() + 63L) / 64 * 64;
    plan.call(
        "set_mempolicy",
        modeArg,
        plan.longs(nodes, java.util.Arrays.copyOf(numbers.toLongArray(), (int) bits / 64)),
        Arg.of(bits + 1));
  }

  private static String text(MemoryPolicy policy) {
    return policy.flags().isEmpty()
        ? policy.mode()
        : policy.mode() + "|" + String.join("|", policy.flags());
  }
}
