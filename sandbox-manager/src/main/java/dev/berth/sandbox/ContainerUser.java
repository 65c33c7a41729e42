package dev.berth.sandbox;

import java.util.List;

/**
 * The numbers a container's program runs with.
 *
 * @param supplementalGroups in ascending order, the primary group among them (rule R22)
 */
public record ContainerUser(long uid, long gid, List<Long> supplementalGroups) {
  public ContainerUser {
    supplementalGroups = List.copyOf(supplementalGroups);
  }
}
