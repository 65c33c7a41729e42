package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.sandbox.spec.AppArmorChoice;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;

/**
 * The AppArmor profiles of the node. Where the kernel has AppArmor and the program that loads
 * profiles is installed, containers are confined by a default profile unless they ask for another.
 * Thread-safe.
 */
final class AppArmor {
  private static final Path ENABLED = Path.of("/sys/module/apparmor/parameters/enabled");
  private static final Path LOADED = Path.of("/sys/kernel/security/apparmor/profiles");

  private final String defaultProfile;

  /** Whether this process has loaded the default profile. */
  @GuardedBy("this") private boolean isOurs;

  /**
   * @param instance becomes part of the default profile's name, which is global to the host
   */
  AppArmor(String instance) {
    this.defaultProfile = instance + "-default";
  }

  /**
   * Returns the profile that a container gets, loading the default one if it is not there: someone
   * may have unloaded it.
   *
   * @throws BerthException FAILED_PRECONDITION naming a profile that is not loaded or cannot be had
   */
  Optional<String> profile(AppArmorChoice choice, boolean privileged) {
    return switch (choice) {
      case AppArmorChoice.Unconfined _ -> Optional.empty();
      case AppArmorChoice.RuntimeDefault _ ->
          privileged || !isEnabled() ? Optional.empty() : Optional.of(loadedDefault());
      case AppArmorChoice.Localhost(String profile) -> Optional.of(requireLoaded(profile));
    };
  }

  private static boolean isEnabled() {
    try {
      return AppArmorParser.find().isPresent()
          && Files.exists(ENABLED)
          && Files.readString(ENABLED).startsWith("Y");
    } catch (IOException e) {
      return false; // the module answers nobody: it confines nobody
    }
  }

  private static String requireLoaded(String profile) {
    if (!isEnabled()) {
      throw refused(profile, "AppArmor is not enabled on this machine");
    }
    if (!isLoaded(profile)) {
      throw refused(profile, "it is not loaded");
    }
    return profile;
  }

  /** One that is loaded already may be of an earlier release: it is replaced once. */
  private synchronized String loadedDefault() {
    if (!isOurs || !isLoaded(defaultProfile)) {
      AppArmorParser.find()
          .orElseThrow(() -> refused(defaultProfile, "there is no apparmor_parser"))
          .load(defaultProfile, DefaultAppArmorProfile.named(defaultProfile));
      isOurs = true;
    }
    return defaultProfile;
  }

  /** A line is a name and its mode, {@code berth-default (enforce)}. */
  private static boolean isLoaded(String profile) {
    try (var lines = Files.lines(LOADED)) {
      return lines.anyMatch(line -> line.startsWith(profile + " ("));
    } catch (IOException e) {
      throw new BerthException(
          FAILED_PRECONDITION, "apparmor: cannot read which profiles are loaded: " + e, e);
    }
  }

  private static BerthException refused(String profile, String problem) {
    return new BerthException(
        FAILED_PRECONDITION, "apparmor profile \"" + profile + "\": " + problem);
  }
}
