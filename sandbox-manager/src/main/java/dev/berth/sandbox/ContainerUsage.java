package dev.berth.sandbox;

import dev.berth.image.FsUsage;
import dev.berth.runtime.cgroup.CgroupStats;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a container uses.
 *
 * @param at when the cgroup was read
 * @param cgroup empty for a container that does not run
 * @param cpuNanosPerSecond CPU time per second since the reading before, in nanoseconds; empty at
 *     the first
 * @param writableLayer what it has written, as of some seconds ago; empty until that was measured
 */
public record ContainerUsage(
    ContainerStatus container,
    Instant at,
    Optional<CgroupStats> cgroup,
    OptionalLong cpuNanosPerSecond,
    Optional<FsUsage> writableLayer) {
  ContainerUsage with(Optional<FsUsage> layer) {
    return new ContainerUsage(container, at, cgroup, cpuNanosPerSecond, layer);
  }
}
