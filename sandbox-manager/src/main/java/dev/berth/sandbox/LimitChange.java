package dev.berth.sandbox;

import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.nri.LinuxResources;
import dev.berth.runtime.spec.Resources;
import dev.berth.sandbox.nri.Limits;
import dev.berth.sandbox.spec.ContainerLimits;
import java.util.function.UnaryOperator;

/**
 * A change of a container's limits.
 *
 * @param limits what CRI has words for; zero and empty mean no change
 * @param more writes what plugins set beside that over the limits in the spec's words
 */
record LimitChange(LinuxContainerResources limits, UnaryOperator<Resources> more) {
  /** A change as CRI asks for it. */
  static LimitChange of(LinuxContainerResources limits) {
    return new LimitChange(limits, UnaryOperator.identity());
  }

  /** Returns this with what plugins set over it. */
  LimitChange with(LinuxResources wanted) {
    return new LimitChange(
        ContainerLimits.merge(limits, Limits.toCri(wanted)),
        before -> Limits.overlay(more.apply(before), wanted));
  }
}
