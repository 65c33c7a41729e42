package dev.berth.runtime.plan;

import dev.berth.runtime.spec.RuntimeSpec;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Everything a container's plan is compiled from.
 *
 * @param id of the container; names its session keyring
 * @param spec validated
 * @param seccomp the compiled form of linux.seccomp; null when the spec has none
 * @param slots descriptors that the stub gets for itself
 */
public record LaunchInput(
    String id,
    RuntimeSpec spec,
    Rootfs rootfs,
    CgroupEntry cgroup,
    Stdio stdio,
    @Nullable SeccompProgram seccomp,
    Set<Slot> slots) {
  public LaunchInput {
    slots = Set.copyOf(slots);
  }
}
