package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.google.gson.JsonArray;
import com.google.gson.JsonObject;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.ArrayList;
import java.util.List;

/** The versions of the CNI protocol that Berth speaks. */
final class CniVersions {
  /** In rising order. */
  private static final List<String> SUPPORTED =
      List.of("0.1.0", "0.2.0", "0.3.0", "0.3.1", "0.4.0", "1.0.0", "1.1.0");

  private CniVersions() {}

  /**
   * Returns the highest version that the configuration offers and Berth speaks: the list {@code
   * cniVersions} beside {@code cniVersion}; 0.1.0 where it says nothing, as the specification has
   * it.
   */
  static String choose(String source, JsonObject config) {
    List<String> offered = new ArrayList<>();
    if (config.has("cniVersion")) {
      offered.add(Json.requireString(source, config, "cniVersion"));
    }
    if (config.get("cniVersions") instanceof JsonArray more) {
      more.forEach(version -> offered.add(version.getAsString()));
    }
    if (offered.isEmpty()) {
      return SUPPORTED.getFirst();
    }
    return SUPPORTED.reversed().stream()
        .filter(offered::contains)
        .findFirst()
        .orElseGet(() -> requireSupported(source, offered.getFirst()));
  }

  /** Tells whether a version has what came with another. */
  static boolean isAtLeast(String version, String other) {
    return SUPPORTED.indexOf(version) >= SUPPORTED.indexOf(other);
  }

  static String requireSupported(String source, String version) {
    if (!SUPPORTED.contains(version)) {
      throw new BerthException(
          INVALID_ARGUMENT,
          source + ": cniVersion \"" + Ids.printable(version) + "\" is none of " + SUPPORTED);
    }
    return version;
  }
}
