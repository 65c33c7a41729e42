package dev.berth.runtime.spec;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * NUMA policy (set_mempolicy(2)).
 *
 * @param mode {@code MPOL_...}
 * @param nodes node list
 * @param flags {@code MPOL_F_...}
 */
public record MemoryPolicy(String mode, @Nullable String nodes, List<String> flags) {
  public MemoryPolicy {
    mode = Absent.required(mode);
    nodes = Absent.text(nodes);
    flags = Absent.list(flags);
  }
}
