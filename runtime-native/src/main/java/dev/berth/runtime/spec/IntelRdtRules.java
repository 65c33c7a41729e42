package dev.berth.runtime.spec;

import java.util.List;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/** What {@code linux.intelRdt} must satisfy. */
final class IntelRdtRules {
  /** What resctrl has beside groups: resctrl.rst of the kernel's documentation. */
  private static final Set<String> NO_GROUPS = Set.of(".", "..", "info", "mon_groups", "mon_data");

  private IntelRdtRules() {}

  static void check(Field field, IntelRdt rdt) {
    closId(field.child("closID"), rdt.closID());
    line(field.child("memBwSchema"), rdt.memBwSchema());
    if (rdt.memBwSchema() != null) {
      field
          .child("memBwSchema")
          .require(rdt.memBwSchema().startsWith("MB:"), "must begin with \"MB:\"");
    }
    if (rdt.l3CacheSchema() != null) {
      rdt.l3CacheSchema().lines().forEach(line -> line(field.child("l3CacheSchema"), line));
    }
    List<String> lines = rdt.schemata();
    for (int i = 0; i < lines.size(); i++) {
      line(field.child("schemata").element(i), lines.get(i));
    }
  }

  private static void closId(Field field, @Nullable String id) {
    if (id != null && !id.equals("/")) {
      field.require(
          !NO_GROUPS.contains(id)
              && id.indexOf('/') < 0
              && id.chars().noneMatch(Character::isISOControl),
          "expected \"/\" or the name of a group, not " + Field.quoted(id));
    }
  }

  private static void line(Field field, @Nullable String line) {
    if (line != null) {
      field.require(
          line.indexOf(':') > 0 && line.chars().noneMatch(Character::isISOControl),
          "expected a line like \"L3:0=ff;1=ff\", not " + Field.quoted(line));
    }
  }
}
