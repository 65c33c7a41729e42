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
 * @param gated the process waits for its start at a gate of its own, without the stub
 */
public record LaunchInput(
    String id,
    RuntimeSpec spec,
    Rootfs rootfs,
    CgroupEntry cgroup,
    Stdio stdio,
    @Nullable SeccompProgram seccomp,
    Set<Slot> slots,
    boolean gated,
    LaunchOptions options) {
  public LaunchInput {
    slots = Set.copyOf(slots);
  }

  /** For a process that its stub starts, in the usual way. */
  public LaunchInput(
      String id,
      RuntimeSpec spec,
      Rootfs rootfs,
      CgroupEntry cgroup,
      Stdio stdio,
      @Nullable SeccompProgram seccomp,
      Set<Slot> slots) {
    this(id, spec, rootfs, cgroup, stdio, seccomp, slots, false, LaunchOptions.USUAL);
  }
}
