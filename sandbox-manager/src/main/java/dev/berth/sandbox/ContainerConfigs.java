package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNIMPLEMENTED;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.SecurityProfile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Reads and checks what a container's configuration says. */
final class ContainerConfigs {
  private static final Path APPARMOR = Path.of("/sys/module/apparmor/parameters/enabled");

  private ContainerConfigs() {}

  /**
   * Refuses what cannot be run, before anything is made.
   *
   * @throws BerthException INVALID_ARGUMENT, FAILED_PRECONDITION or UNIMPLEMENTED naming the field
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
    PodIds.check(config, sandbox.config());
    checkAppArmor(security);
  }

  private static void checkAppArmor(LinuxContainerSecurityContext security) {
    if (!security.hasApparmor()) {
      return;
    }
    SecurityProfile profile = security.getApparmor();
    if (profile.getProfileType() == SecurityProfile.ProfileType.Localhost) {
      throw new BerthException(
          isAppArmorEnabled() ? UNIMPLEMENTED : FAILED_PRECONDITION,
          "apparmor profile \""
              + Ids.printable(profile.getLocalhostRef())
              + "\": "
              + (isAppArmorEnabled()
                  ? "profiles are not implemented"
                  : "AppArmor is not enabled on this machine"));
    }
  }

  private static boolean isAppArmorEnabled() {
    try {
      return Files.exists(APPARMOR) && Files.readString(APPARMOR).startsWith("Y");
    } catch (IOException e) {
      return false; // the module answers nobody: it confines nobody
    }
  }
}
