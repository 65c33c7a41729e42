package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.sandbox.spec.ContainerLimits;

/** Reads and checks what a container's configuration says. */
final class ContainerConfigs {
  private ContainerConfigs() {}

  /**
   * Refuses what cannot be run, before anything is made.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field
   */
  static void check(ContainerConfig config, SandboxRecord sandbox) {
    if (config.getImage().getImage().isEmpty()) {
      throw new BerthException(INVALID_ARGUMENT, "image of the container is missing");
    }
    LinuxContainerSecurityContext security = config.getLinux().getSecurityContext();
    boolean privilegedPod = sandbox.config().getLinux().getSecurityContext().getPrivileged();
    if (security.getPrivileged() && !privilegedPod) {
      throw new BerthException(
          INVALID_ARGUMENT, "a privileged container needs a privileged sandbox");
    }
    int _ = ContainerLimits.oomScoreAdj(config.getLinux().getResources());
    ContainerLimits.requireMemoryToStart(config.getLinux().getResources());
    PodIds.check(config, sandbox.config());
  }
}
