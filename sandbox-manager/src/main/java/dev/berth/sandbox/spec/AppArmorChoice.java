package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.LinuxContainerSecurityContext;
import dev.berth.proto.cri.v1.SecurityProfile;

/**
 * Which AppArmor profile a container asks for. The field {@code apparmor} counts before the old
 * {@code apparmor_profile}; neither means the default one, as with every runtime.
 */
public sealed interface AppArmorChoice {
  /** What the old field puts before a name, and some clients put into the new one. */
  String PREFIX = "localhost/";

  /** No profile. */
  record Unconfined() implements AppArmorChoice {}

  /** The profile that Berth brings. */
  record RuntimeDefault() implements AppArmorChoice {}

  /**
   * A profile that the node's kernel has.
   *
   * @param profile its name
   */
  record Localhost(String profile) implements AppArmorChoice {
    public Localhost {
      boolean plain =
          !profile.isEmpty()
              && profile.chars().noneMatch(c -> c <= ' ' || Character.isISOControl(c));
      if (!plain) {
        throw new BerthException(
            INVALID_ARGUMENT,
            "apparmor.localhost_ref \"" + Ids.printable(profile) + "\" is no profile's name");
      }
    }
  }

  /**
   * Reads the choice.
   *
   * @throws BerthException INVALID_ARGUMENT for what is no choice
   */
  @SuppressWarnings("deprecation") // older clients send the old field only
  public static AppArmorChoice of(LinuxContainerSecurityContext security) {
    return security.hasApparmor()
        ? ofProfile(security.getApparmor())
        : ofText(security.getApparmorProfile());
  }

  private static AppArmorChoice ofProfile(SecurityProfile profile) {
    boolean localhost = profile.getProfileType() == SecurityProfile.ProfileType.Localhost;
    if (!localhost && !profile.getLocalhostRef().isEmpty()) {
      throw new BerthException(
          INVALID_ARGUMENT, "apparmor.localhost_ref is set but the profile type is not Localhost");
    }
    return switch (profile.getProfileType()) {
      case RuntimeDefault -> new RuntimeDefault();
      case Unconfined -> new Unconfined();
      case Localhost -> new Localhost(withoutPrefix(profile.getLocalhostRef()));
      case UNRECOGNIZED ->
          throw new BerthException(
              INVALID_ARGUMENT,
              "apparmor.profile_type " + profile.getProfileTypeValue() + " is not known");
    };
  }

  private static String withoutPrefix(String reference) {
    return reference.startsWith(PREFIX) ? reference.substring(PREFIX.length()) : reference;
  }

  private static AppArmorChoice ofText(String text) {
    return switch (text) {
      case "", "runtime/default" -> new RuntimeDefault();
      case "unconfined" -> new Unconfined();
      default -> {
        if (!text.startsWith(PREFIX)) {
          throw new BerthException(
              INVALID_ARGUMENT, "apparmor_profile \"" + Ids.printable(text) + "\" is not known");
        }
        yield new Localhost(withoutPrefix(text));
      }
    };
  }
}
