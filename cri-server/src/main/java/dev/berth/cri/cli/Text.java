package dev.berth.cri.cli;

import java.time.Duration;
import java.time.Instant;
import java.util.Locale;

/** How numbers, times and ids are shown. */
final class Text {
  private static final int SHORT_ID = 13;

  private Text() {}

  /** Returns the first digits of an id, enough to tell objects apart and to name them. */
  static String shortId(String id) {
    String hex = id.startsWith("sha256:") ? id.substring("sha256:".length()) : id;
    return hex.substring(0, Math.min(SHORT_ID, hex.length()));
  }

  /** Returns {@code "4.1 MB"}, in steps of 1000. */
  static String bytes(long bytes) {
    String[] units = {"B", "kB", "MB", "GB", "TB"};
    double value = bytes;
    int unit = 0;
    while (value >= 1000 && unit < units.length - 1) {
      value /= 1000;
      unit++;
    }
    return unit == 0
        ? bytes + " B"
        : String.format(Locale.ROOT, value < 10 ? "%.1f %s" : "%.0f %s", value, units[unit]);
  }

  /**
   * Returns how long ago a CRI time was: {@code "12s"}, {@code "3m"}, {@code "5h"}, {@code "2d"}.
   */
  static String age(long nanosSinceEpoch, Instant now) {
    Duration age = Duration.between(Instant.ofEpochSecond(0, nanosSinceEpoch), now);
    if (age.toDays() > 0) {
      return age.toDays() + "d";
    }
    if (age.toHours() > 0) {
      return age.toHours() + "h";
    }
    if (age.toMinutes() > 0) {
      return age.toMinutes() + "m";
    }
    return Math.max(0, age.toSeconds()) + "s";
  }

  /**
   * Returns the word of an enum constant without its prefix: {@code CONTAINER_RUNNING}, running.
   */
  static String state(Enum<?> state) {
    String name = state.name();
    return name.substring(name.indexOf('_') + 1).toLowerCase(Locale.ROOT);
  }
}
