package dev.berth.runtime.task;

import dev.berth.runtime.spec.IntelRdt;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;

/** Lines of resctrl's schemata files: a resource, and what of it by domain. */
final class Schemata {
  private static final String BANDWIDTH = "MB:";

  private Schemata() {}

  /** What a configuration asks for, in the order in which it is written. */
  static List<String> of(IntelRdt rdt) {
    List<String> lines = new ArrayList<>();
    if (rdt.l3CacheSchema() != null) {
      rdt.l3CacheSchema().lines().filter(line -> !line.startsWith(BANDWIDTH)).forEach(lines::add);
    }
    if (rdt.memBwSchema() != null) {
      lines.add(rdt.memBwSchema());
    }
    lines.addAll(rdt.schemata());
    return lines;
  }

  /** True if a group with these schemata gives what the lines ask for. */
  static boolean allow(String current, List<String> wanted) {
    Map<String, String> have = parse(current.lines().toList());
    return have.entrySet().containsAll(parse(wanted).entrySet());
  }

  /** The kernel pads with spaces, and masks with zeros. */
  private static Map<String, String> parse(List<String> lines) {
    Map<String, String> values = new HashMap<>();
    for (String line : lines) {
      String[] parts = line.strip().split(":", 2);
      for (String domain : parts[parts.length - 1].split(";", -1)) {
        String[] pair = domain.split("=", 2);
        String value = pair[pair.length - 1].strip().toLowerCase(Locale.ROOT);
        values.put(parts[0] + ":" + pair[0].strip(), value.replaceFirst("^0+(?=.)", ""));
      }
    }
    return values;
  }
}
