package dev.berth.sandbox;

import java.time.Instant;
import java.util.List;

/**
 * What monitoring wants to know of a READY sandbox.
 *
 * @param cgroup of the whole pod, as a path within the hierarchies
 * @param at when the interfaces were read
 * @param interfaces of its own network, without loopback; empty with host network
 * @param containers those that run
 */
public record SandboxMetrics(
    SandboxStatus sandbox,
    String cgroup,
    Instant at,
    List<InterfaceUsage> interfaces,
    List<ContainerMetrics> containers) {
  /** Copies the lists. */
  public SandboxMetrics {
    interfaces = List.copyOf(interfaces);
    containers = List.copyOf(containers);
  }
}
