package dev.berth.image.oci;

import org.jspecify.annotations.Nullable;

/**
 * An operating system and processor, in Go's names: {@code linux/amd64}, {@code linux/arm64/v8}.
 *
 * @param variant of the processor; null or empty for the plain one
 */
public record Platform(String os, String architecture, @Nullable String variant) {
  /** Returns the platform of this machine. */
  public static Platform host() {
    return switch (System.getProperty("os.arch")) {
      case "amd64", "x86_64" -> new Platform("linux", "amd64", null);
      case "aarch64" -> new Platform("linux", "arm64", "v8");
      default -> new Platform("linux", System.getProperty("os.arch"), null);
    };
  }

  /**
   * Whether an image for {@code offered} runs here. A missing variant is the plain one, v1 or v8:
   * an image for {@code amd64/v3} does not run on every amd64.
   */
  public boolean accepts(Platform offered) {
    return os.equals(offered.os)
        && architecture.equals(offered.architecture)
        && plainVariant(variant).equals(plainVariant(offered.variant));
  }

  private String plainVariant(@Nullable String name) {
    if (!blank(name)) {
      return String.valueOf(name);
    }
    return switch (architecture) {
      case "amd64" -> "v1";
      case "arm64" -> "v8";
      default -> "";
    };
  }

  private static boolean blank(@Nullable String text) {
    return text == null || text.isEmpty();
  }

  @Override
  public String toString() {
    return os + "/" + architecture + (blank(variant) ? "" : "/" + variant);
  }
}
