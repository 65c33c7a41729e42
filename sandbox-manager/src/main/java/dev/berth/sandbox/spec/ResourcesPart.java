package dev.berth.sandbox.spec;

import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;

/** Writes the cgroup and its limits. */
final class ResourcesPart implements SpecAdjuster {
  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    RuntimeSpec placed = SpecParts.linux(spec, linux -> linux.cgroupsPath(input.cgroupsPath()));
    Resources limits = ContainerLimits.of(input.resources(), input.host());
    return SpecParts.resources(
        placed,
        resources ->
            resources
                .cpu(limits.cpu())
                .memory(limits.memory())
                .hugepageLimits(limits.hugepageLimits())
                .unified(limits.unified()));
  }
}
