package dev.berth.sandbox;

import dev.berth.runtime.cgroup.CgroupStats;
import java.time.Instant;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a pod uses.
 *
 * @param at when the cgroup was read
 * @param cgroup of the whole pod; empty if it has none yet
 * @param cpuNanosPerSecond as in {@link ContainerUsage}
 * @param interfaces of its own network, without loopback; empty with host network
 * @param containers those that run
 */
public record SandboxUsage(
    SandboxStatus sandbox,
    Instant at,
    Optional<CgroupStats> cgroup,
    OptionalLong cpuNanosPerSecond,
    List<InterfaceUsage> interfaces,
    List<ContainerUsage> containers) {
  public SandboxUsage {
    interfaces = List.copyOf(interfaces);
    containers = List.copyOf(containers);
  }
}
