package dev.berth.runtime.spec;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * Cache and memory bandwidth allocation (resctrl).
 *
 * @param closID class of service
 * @param schemata lines of the schemata file
 * @param l3CacheSchema L3 schema
 * @param memBwSchema bandwidth schema
 * @param enableMonitoring whether a monitoring group is made
 */
public record IntelRdt(
    @Nullable String closID,
    List<String> schemata,
    @Nullable String l3CacheSchema,
    @Nullable String memBwSchema,
    boolean enableMonitoring) {
  public IntelRdt {
    closID = Absent.text(closID);
    schemata = Absent.list(schemata);
    l3CacheSchema = Absent.text(l3CacheSchema);
    memBwSchema = Absent.text(memBwSchema);
  }
}
