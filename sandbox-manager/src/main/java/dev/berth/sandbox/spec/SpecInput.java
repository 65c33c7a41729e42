package dev.berth.sandbox.spec;

import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.runtime.spec.Seccomp;
import java.util.List;
import java.util.Optional;

/**
 * All that a spec is made from. Nothing else is looked at: equal inputs give equal specs.
 *
 * @param cdi what the container's CDI devices change
 * @param pidNamespaceTarget path of the pid namespace to join, where the container asked for that
 *     of another one
 * @param localhostSeccomp the filter that was read from the file the container named
 * @param appArmorProfile name of the profile that confines it, which is loaded
 * @param cgroupsPath the container's cgroup, as the runtime spec writes it
 */
public record SpecInput(
    String sandboxId,
    String containerId,
    PodSandboxConfig sandbox,
    ContainerConfig container,
    ImageDefaults image,
    Users.Resolved user,
    PodResources pod,
    List<BoundMount> mounts,
    List<HostDevice> devices,
    CdiInput cdi,
    Optional<String> pidNamespaceTarget,
    Optional<Seccomp> localhostSeccomp,
    Optional<String> appArmorProfile,
    HostFacts host,
    String cgroupsPath) {
  public SpecInput {
    mounts = List.copyOf(mounts);
    devices = List.copyOf(devices);
  }

  LinuxContainerSecurityContext security() {
    return container.getLinux().getSecurityContext();
  }

  LinuxContainerResources resources() {
    return container.getLinux().getResources();
  }

  boolean isPrivileged() {
    return security().getPrivileged();
  }
}
