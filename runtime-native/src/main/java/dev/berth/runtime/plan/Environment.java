package dev.berth.runtime.plan;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** The environment of a program. */
final class Environment {
  private Environment() {}

  /**
   * Returns the variables with each name once, the value given last at the place of the first. Of
   * two with a name, C libraries see the first and shells the last.
   *
   * @param entries {@code NAME=value}
   */
  static List<String> unique(List<String> entries) {
    Map<String, String> byName = new LinkedHashMap<>();
    for (String entry : entries) {
      int equals = entry.indexOf('=');
      byName.put(equals < 0 ? entry : entry.substring(0, equals), entry);
    }
    return List.copyOf(byName.values());
  }
}
