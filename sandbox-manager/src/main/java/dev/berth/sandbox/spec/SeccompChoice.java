package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.SecurityProfile;

/**
 * Which system call filter a container asks for. The field {@code seccomp} counts before the old
 * {@code seccomp_profile_path}; neither means no filter.
 */
public sealed interface SeccompChoice {
  /** No filter. */
  record Unconfined() implements SeccompChoice {}

  /** The filter that Berth brings. */
  record RuntimeDefault() implements SeccompChoice {}

  /**
   * A filter in a file on the host.
   *
   * @param file absolute path
   */
  record Localhost(String file) implements SeccompChoice {
    public Localhost {
      if (!file.startsWith("/")) {
        throw new BerthException(
            INVALID_ARGUMENT,
            "seccomp.localhost_ref \"" + Ids.printable(file) + "\" is not an absolute path");
      }
    }
  }

  /**
   * Reads the choice.
   *
   * @throws BerthException INVALID_ARGUMENT for a profile that does not exist
   */
  @SuppressWarnings("deprecation") // older clients send the old field only
  static SeccompChoice of(LinuxContainerSecurityContext security) {
    if (security.hasSeccomp()) {
      return ofProfile(security.getSeccomp());
    }
    return ofPath(security.getSeccompProfilePath());
  }

  private static SeccompChoice ofProfile(SecurityProfile profile) {
    boolean localhost = profile.getProfileType() == SecurityProfile.ProfileType.Localhost;
    if (!localhost && !profile.getLocalhostRef().isEmpty()) {
      throw new BerthException(
          INVALID_ARGUMENT, "seccomp.localhost_ref is set but the profile type is not Localhost");
    }
    return switch (profile.getProfileType()) {
      case RuntimeDefault -> new RuntimeDefault();
      case Unconfined -> new Unconfined();
      case Localhost -> new Localhost(profile.getLocalhostRef());
      case UNRECOGNIZED ->
          throw new BerthException(
              INVALID_ARGUMENT,
              "seccomp.profile_type " + profile.getProfileTypeValue() + " is not known");
    };
  }

  private static SeccompChoice ofPath(String path) {
    return switch (path) {
      case "", "unconfined" -> new Unconfined();
      case "runtime/default", "docker/default" -> new RuntimeDefault();
      default -> {
        if (!path.startsWith("localhost/")) {
          throw new BerthException(
              INVALID_ARGUMENT,
              "seccomp_profile_path \"" + Ids.printable(path) + "\" is not known");
        }
        yield new Localhost(path.substring("localhost/".length()));
      }
    };
  }
}
