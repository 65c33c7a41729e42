package dev.berth.sandbox;

import dev.berth.runtime.cgroup.CgroupDetails;
import java.util.Map;
import java.util.Optional;

/**
 * What monitoring wants to know of a running container, beside what it uses.
 *
 * @param usage as in the lists of usage; it has its cgroup's figures
 * @param cgroup path within the hierarchies
 * @param details the rest of what the cgroup tells
 * @param processes what they have open
 * @param disk where its writable layer is; empty until that was measured
 * @param deviceNames names of the block devices in {@code details}, by {@code MAJOR:MINOR}
 */
public record ContainerMetrics(
    ContainerUsage usage,
    String cgroup,
    CgroupDetails details,
    ProcessFigures processes,
    Optional<DiskSpace> disk,
    Map<String, String> deviceNames) {
  /** Copies the map. */
  public ContainerMetrics {
    deviceNames = Map.copyOf(deviceNames);
  }
}
