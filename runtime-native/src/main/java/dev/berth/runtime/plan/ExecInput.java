package dev.berth.runtime.plan;

import dev.berth.runtime.spec.ContainerProcess;
import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * What the plan of an additional process is compiled from.
 *
 * @param containerId names the session keyring that the process joins
 * @param namespaces types to join, of the container's first process; {@code mount} among them
 * @param seccomp the container's filter; null for none
 * @param placement what the container's config.json says of each of its processes
 */
public record ExecInput(
    String containerId,
    ContainerProcess process,
    List<String> namespaces,
    CgroupEntry cgroup,
    Stdio stdio,
    @Nullable SeccompProgram seccomp,
    Placement placement,
    Set<Slot> slots,
    LaunchOptions options) {
  public ExecInput {
    namespaces = List.copyOf(namespaces);
    slots = Set.copyOf(slots);
  }

  /** For a process that is executed in the usual way. */
  public ExecInput(
      String containerId,
      ContainerProcess process,
      List<String> namespaces,
      CgroupEntry cgroup,
      Stdio stdio,
      @Nullable SeccompProgram seccomp,
      Set<Slot> slots) {
    this(
        containerId,
        process,
        namespaces,
        cgroup,
        stdio,
        seccomp,
        Placement.NONE,
        slots,
        LaunchOptions.USUAL);
  }
}
