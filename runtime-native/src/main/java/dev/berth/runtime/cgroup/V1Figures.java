package dev.berth.runtime.cgroup;

import dev.berth.runtime.cgroup.CgroupDetails.DeviceIo;
import dev.berth.runtime.cgroup.CgroupDetails.HugePages;
import dev.berth.runtime.cgroup.CgroupDetails.Throttling;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalLong;

/** Where the figures of a group are in the files of cgroup v1. */
final class V1Figures {
  /** What memory.limit_in_bytes shows for "none" is near the largest long, rounded to pages. */
  private static final long NO_LIMIT = 1L << 62;

  /** USER_HZ, the unit of cpuacct.stat: the same on all architectures of Linux. */
  private static final long NANOS_PER_TICK = 10_000_000;

  private static final String CPU = "cpu";
  private static final String CPUACCT = "cpuacct";
  private static final String MEMORY = "memory";
  private static final String PIDS = "pids";
  private static final String HUGETLB = "hugetlb";
  private static final String BLKIO = "blkio";

  private V1Figures() {}

  /** Returns what the group uses, or empty if none of its files is there. */
  static Optional<CgroupStats> stats(StatFiles files) {
    OptionalLong cpu = files.read(CPUACCT, "cpuacct.usage").number();
    OptionalLong usage = files.read(MEMORY, "memory.usage_in_bytes").number();
    OptionalLong pids = files.read(PIDS, "pids.current").number();
    if (cpu.isEmpty() && usage.isEmpty() && pids.isEmpty()) {
      return Optional.empty();
    }
    OptionalLong limit = files.read(MEMORY, "memory.limit_in_bytes").number();
    OptionalLong[] memory =
        files
            .read(MEMORY, "memory.stat")
            .values(
                "total_inactive_file",
                "total_rss",
                "total_swap",
                "total_pgfault",
                "total_pgmajfault");
    return Optional.of(
        new CgroupStats(
            cpu,
            usage,
            Figures.difference(usage, memory[0]),
            limit.isPresent() && limit.getAsLong() < NO_LIMIT ? limit : OptionalLong.empty(),
            memory[1],
            memory[2],
            OptionalLong.empty(), // v1 limits memory and swap together
            memory[3],
            memory[4],
            pids,
            Optional.empty(),
            Optional.empty(),
            Optional.empty()));
  }

  /** Returns the rest, with huge pages of the given sizes. */
  static CgroupDetails details(StatFiles files, List<String> hugePageSizes) {
    OptionalLong[] ticks = files.read(CPUACCT, "cpuacct.stat").values("user", "system");
    OptionalLong[] memory =
        files.read(MEMORY, "memory.stat").values("total_cache", "total_mapped_file");
    return new CgroupDetails(
        Figures.times(ticks[0], NANOS_PER_TICK),
        Figures.times(ticks[1], NANOS_PER_TICK),
        throttling(files.read(CPU, "cpu.stat")),
        memory[0],
        memory[1],
        files.read(MEMORY, "memory.kmem.usage_in_bytes").number(),
        files.read(MEMORY, "memory.max_usage_in_bytes").number(),
        files.read(MEMORY, "memory.failcnt").number(),
        files.read(MEMORY, "memory.oom_control").value("oom_kill"),
        files.read(PIDS, "pids.max").number(),
        hugePages(files, hugePageSizes),
        devices(files));
  }

  private static Optional<Throttling> throttling(StatText file) {
    OptionalLong[] found = file.values("nr_periods", "nr_throttled", "throttled_time");
    return found[0].isEmpty()
        ? Optional.empty()
        : Optional.of(new Throttling(found[0].getAsLong(), found[1].orElse(0), found[2].orElse(0)));
  }

  private static List<HugePages> hugePages(StatFiles files, List<String> sizes) {
    List<HugePages> all = new ArrayList<>();
    for (String size : sizes) {
      String prefix = "hugetlb." + size;
      OptionalLong usage = files.read(HUGETLB, prefix + ".usage_in_bytes").number();
      OptionalLong most = files.read(HUGETLB, prefix + ".max_usage_in_bytes").number();
      usage.ifPresent(bytes -> all.add(new HugePages(size, bytes, most)));
    }
    return all;
  }

  /** Lines {@code MAJOR:MINOR Read NUMBER}, and a total at the end, in one file for each unit. */
  private static List<DeviceIo> devices(StatFiles files) {
    Map<String, long[]> devices = new LinkedHashMap<>();
    collect(files.read(BLKIO, "blkio.throttle.io_service_bytes_recursive"), devices, 0);
    collect(files.read(BLKIO, "blkio.throttle.io_serviced_recursive"), devices, 2);
    List<DeviceIo> all = new ArrayList<>();
    devices.forEach((device, figures) -> {
      String[] numbers = device.split(":", 2);
      all.add(
          new DeviceIo(
              Integer.parseInt(numbers[0]),
              Integer.parseInt(numbers[1]),
              figures[0],
              figures[1],
              figures[2],
              figures[3]));
    });
    return all;
  }

  private static void collect(StatText file, Map<String, long[]> devices, int first) {
    for (String line : file.lines()) {
      String[] words = line.split(" ", -1);
      if (words.length == 3) {
        long[] figures = devices.computeIfAbsent(words[0], _ -> new long[4]);
        switch (words[1]) {
          case "Read" -> figures[first] = Long.parseLong(words[2]);
          case "Write" -> figures[first + 1] = Long.parseLong(words[2]);
          default -> {} // other kinds are parts or sums of these two
        }
      }
    }
  }
}
