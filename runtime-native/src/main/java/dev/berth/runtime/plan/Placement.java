package dev.berth.runtime.plan;

import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.MemoryPolicy;
import dev.berth.runtime.spec.Personality;
import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What {@code linux} says of each process of a container, those of an exec as well.
 *
 * @param personality {@code linux.personality}
 * @param memoryPolicy {@code linux.memoryPolicy}
 */
public record Placement(@Nullable Personality personality, @Nullable MemoryPolicy memoryPolicy) {
  /** Of a container whose spec says nothing of it. */
  public static final Placement NONE = new Placement(null, null);

  /** Returns the modes of a NUMA policy, sorted: {@code MPOL_...}. */
  public static List<String> memoryPolicies() {
    return Uapi.MEMORY_POLICIES.keySet().stream().sorted().toList();
  }

  /** Returns the flags of a NUMA policy, sorted: {@code MPOL_F_...}. */
  public static List<String> memoryPolicyFlags() {
    return Uapi.MEMORY_POLICY_FLAGS.keySet().stream().sorted().toList();
  }

  /** Returns what a spec says. */
  public static Placement of(Linux linux) {
    return new Placement(linux.personality(), linux.memoryPolicy());
  }
}
