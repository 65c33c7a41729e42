package dev.berth.runtime.cli;

import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.CgroupDetails;
import dev.berth.runtime.cgroup.CgroupDetails.DeviceIo;
import dev.berth.runtime.cgroup.CgroupDetails.HugePages;
import dev.berth.runtime.cgroup.CgroupStats;
import dev.berth.runtime.cgroup.Pressure;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** What a container uses, with the names that {@code runc events} has. */
final class UsageFigures {
  private static final long NANOS_PER_MICRO = 1000;

  private final CgroupStats stats;
  private final CgroupDetails details;

  private UsageFigures(Cgroup cgroup) {
    this.stats = cgroup.stats();
    this.details = cgroup.details();
  }

  /** Reads them; what the host does not count is left out. */
  static Map<String, Object> of(Cgroup cgroup) {
    var figures = new UsageFigures(cgroup);
    Map<String, Object> all = new LinkedHashMap<>();
    all.put("cpu", figures.cpu());
    all.put("memory", figures.memory());
    all.put("pids", figures.pids());
    all.put("blkio", figures.devices());
    if (!figures.details.hugePages().isEmpty()) {
      all.put("hugetlb", figures.hugePages());
    }
    return all;
  }

  private Map<String, Object> cpu() {
    Map<String, Object> usage = new LinkedHashMap<>();
    put(usage, "total", stats.cpuUsageNanos());
    put(usage, "kernel", details.cpuSystemNanos());
    put(usage, "user", details.cpuUserNanos());
    Map<String, Object> cpu = new LinkedHashMap<>();
    cpu.put("usage", usage);
    details
        .throttling()
        .ifPresent(throttling -> {
          Map<String, Object> fields = new LinkedHashMap<>();
          fields.put("periods", throttling.periods());
          fields.put("throttledPeriods", throttling.throttledPeriods());
          fields.put("throttledTime", throttling.throttledNanos());
          cpu.put("throttling", fields);
        });
    put(cpu, stats.cpuPressure());
    return cpu;
  }

  private Map<String, Object> memory() {
    Map<String, Object> usage = new LinkedHashMap<>();
    put(usage, "limit", stats.memoryLimitBytes());
    put(usage, "usage", stats.memoryUsageBytes());
    put(usage, "max", details.maxUsageBytes());
    put(usage, "failcnt", details.limitHits());
    Map<String, Object> memory = new LinkedHashMap<>();
    put(memory, "cache", details.cacheBytes());
    memory.put("usage", usage);
    memory.put("swap", entry(stats.swapUsageBytes(), stats.swapLimitBytes()));
    memory.put("kernel", entry(details.kernelBytes(), OptionalLong.empty()));
    memory.put("raw", raw());
    put(memory, stats.memoryPressure());
    return memory;
  }

  private static Map<String, Object> entry(OptionalLong usage, OptionalLong limit) {
    Map<String, Object> entry = new LinkedHashMap<>();
    put(entry, "limit", limit);
    put(entry, "usage", usage);
    return entry;
  }

  /** Lines of memory.stat, as v1 calls them. */
  private Map<String, Object> raw() {
    Map<String, Object> raw = new LinkedHashMap<>();
    put(raw, "cache", details.cacheBytes());
    put(raw, "mapped_file", details.mappedFileBytes());
    put(raw, "rss", stats.memoryRssBytes());
    put(raw, "pgfault", stats.pageFaults());
    put(raw, "pgmajfault", stats.majorPageFaults());
    return raw;
  }

  private Map<String, Object> pids() {
    Map<String, Object> pids = new LinkedHashMap<>();
    put(pids, "current", stats.pids());
    put(pids, "limit", details.maxPids());
    return pids;
  }

  private Map<String, Object> devices() {
    List<Map<String, Object>> bytes = new ArrayList<>();
    List<Map<String, Object>> operations = new ArrayList<>();
    for (DeviceIo device : details.devices()) {
      bytes.add(entry(device, "Read", device.readBytes()));
      bytes.add(entry(device, "Write", device.writtenBytes()));
      operations.add(entry(device, "Read", device.reads()));
      operations.add(entry(device, "Write", device.writes()));
    }
    Map<String, Object> blkio = new LinkedHashMap<>();
    if (!bytes.isEmpty()) {
      blkio.put("ioServiceBytesRecursive", bytes);
      blkio.put("ioServicedRecursive", operations);
    }
    put(blkio, stats.ioPressure());
    return blkio;
  }

  private static Map<String, Object> entry(DeviceIo device, String operation, long value) {
    Map<String, Object> entry = new LinkedHashMap<>();
    entry.put("major", device.major());
    entry.put("minor", device.minor());
    entry.put("op", operation);
    entry.put("value", value);
    return entry;
  }

  private Map<String, Object> hugePages() {
    Map<String, Object> sizes = new LinkedHashMap<>();
    for (HugePages pages : details.hugePages()) {
      Map<String, Object> entry = new LinkedHashMap<>();
      entry.put("usage", pages.usageBytes());
      put(entry, "max", pages.maxUsageBytes());
      sizes.put(pages.size(), entry);
    }
    return sizes;
  }

  private static void put(Map<String, Object> fields, Optional<Pressure> pressure) {
    pressure.ifPresent(found -> {
      Map<String, Object> psi = new LinkedHashMap<>();
      psi.put("some", stall(found.some()));
      psi.put("full", stall(found.full()));
      fields.put("psi", psi);
    });
  }

  private static Map<String, Object> stall(Pressure.Stall stall) {
    Map<String, Object> fields = new LinkedHashMap<>();
    fields.put("avg10", stall.avg10());
    fields.put("avg60", stall.avg60());
    fields.put("avg300", stall.avg300());
    fields.put("total", stall.totalNanos() / NANOS_PER_MICRO); // as the kernel has it
    return fields;
  }

  private static void put(Map<String, Object> fields, String name, OptionalLong value) {
    value.ifPresent(number -> fields.put(name, number));
  }
}
