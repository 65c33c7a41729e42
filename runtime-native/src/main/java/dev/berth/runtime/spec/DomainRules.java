package dev.berth.runtime.spec;

import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What {@code linux.personality} and {@code linux.memoryPolicy} must satisfy. */
final class DomainRules {
  private static final Set<String> DOMAINS = Set.of("LINUX", "LINUX32");

  /** set_mempolicy(2): those that name nodes, and those that must not. */
  private static final Set<String> OF_NODES =
      Set.of(
          "MPOL_BIND",
          "MPOL_INTERLEAVE",
          "MPOL_PREFERRED",
          "MPOL_PREFERRED_MANY",
          "MPOL_WEIGHTED_INTERLEAVE");

  private static final Set<String> WITHOUT_NODES = Set.of("MPOL_DEFAULT", "MPOL_LOCAL");
  private static final Set<String> FLAGS =
      Set.of("MPOL_F_NUMA_BALANCING", "MPOL_F_RELATIVE_NODES", "MPOL_F_STATIC_NODES");

  /** MAX_NUMNODES of linux/numa.h, for the largest NODES_SHIFT there is. */
  private static final int MAX_NODE = 1023;

  private DomainRules() {}

  static void personality(Field field, @Nullable Personality personality) {
    if (personality != null) {
      field
          .child("domain")
          .require(
              DOMAINS.contains(personality.domain()),
              "expected LINUX or LINUX32, not " + Field.quoted(personality.domain()));
      field.child("flags").require(personality.flags().isEmpty(), "no flag is defined");
    }
  }

  static void memoryPolicy(Field field, @Nullable MemoryPolicy policy) {
    if (policy == null) {
      return;
    }
    boolean named = OF_NODES.contains(policy.mode());
    field
        .child("mode")
        .require(
            named || WITHOUT_NODES.contains(policy.mode()),
            "unknown mode " + Field.quoted(policy.mode()));
    String nodes = policy.nodes();
    // An empty set with MPOL_PREFERRED means the local node.
    boolean required = named && !policy.mode().equals("MPOL_PREFERRED");
    field.child("nodes").require(nodes != null || !required, "required by " + policy.mode());
    field.child("nodes").require(nodes == null || named, "has no meaning for " + policy.mode());
    field
        .child("nodes")
        .require(
            nodes == null || NumberList.isOne(nodes, MAX_NODE),
            "expected nodes as 0-2,5, not " + Field.quoted(String.valueOf(nodes)));
    for (int i = 0; i < policy.flags().size(); i++) {
      field
          .child("flags")
          .element(i)
          .require(
              FLAGS.contains(policy.flags().get(i)),
              "unknown flag " + Field.quoted(policy.flags().get(i)));
    }
  }
}
