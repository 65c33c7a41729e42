package dev.berth.runtime.cgroup;

import dev.berth.runtime.cgroup.CgroupDetails.DeviceIo;
import dev.berth.runtime.cgroup.CgroupDetails.HugePages;
import dev.berth.runtime.cgroup.CgroupDetails.Throttling;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/** Where the figures of a group are in the files of cgroup v2. */
final class V2Figures {
  private static final String ANY = "";
  private static final long NANOS_PER_MICRO = 1000;

  private V2Figures() {}

  /** Returns what the group uses, or empty if there is no such group. */
  static Optional<CgroupStats> stats(StatFiles files) {
    StatText cpu = files.read(ANY, "cpu.stat");
    if (!cpu.isPresent()) { // the one file that a group has without any controller
      return Optional.empty();
    }
    OptionalLong micros = cpu.value("usage_usec");
    OptionalLong usage = files.read(ANY, "memory.current").number();
    OptionalLong[] memory =
        files.read(ANY, "memory.stat").values("inactive_file", "anon", "pgfault", "pgmajfault");
    return Optional.of(
        new CgroupStats(
            Figures.times(micros, NANOS_PER_MICRO),
            usage,
            Figures.difference(usage, memory[0]),
            files.read(ANY, "memory.max").number(),
            memory[1],
            files.read(ANY, "memory.swap.current").number(),
            files.read(ANY, "memory.swap.max").number(),
            memory[2],
            memory[3],
            files.read(ANY, "pids.current").number(),
            files.read(ANY, "cpu.pressure").pressure(),
            files.read(ANY, "memory.pressure").pressure(),
            files.read(ANY, "io.pressure").pressure()));
  }

  /** Returns the rest, with huge pages of the given sizes. */
  static CgroupDetails details(StatFiles files, List<String> hugePageSizes) {
    OptionalLong[] cpu =
        files
            .read(ANY, "cpu.stat")
            .values("user_usec", "system_usec", "nr_periods", "nr_throttled", "throttled_usec");
    OptionalLong[] memory = files.read(ANY, "memory.stat").values("file", "file_mapped", "kernel");
    OptionalLong peak = files.read(ANY, "memory.peak").number();
    OptionalLong[] events = files.read(ANY, "memory.events").values("max", "oom_kill");
    return new CgroupDetails(
        Figures.times(cpu[0], NANOS_PER_MICRO),
        Figures.times(cpu[1], NANOS_PER_MICRO),
        throttling(cpu[2], cpu[3], cpu[4]),
        memory[0],
        memory[1],
        memory[2],
        peak,
        events[0],
        events[1],
        files.read(ANY, "pids.max").number(),
        hugePages(files, hugePageSizes),
        devices(files.read(ANY, "io.stat")));
  }

  private static Optional<Throttling> throttling(
      OptionalLong periods, OptionalLong throttled, OptionalLong micros) {
    return periods.isEmpty()
        ? Optional.empty()
        : Optional.of(
            new Throttling(
                periods.getAsLong(), throttled.orElse(0), micros.orElse(0) * NANOS_PER_MICRO));
  }

  private static List<HugePages> hugePages(StatFiles files, List<String> sizes) {
    List<HugePages> all = new ArrayList<>();
    for (String size : sizes) {
      files
          .read(ANY, "hugetlb." + size + ".current")
          .number()
          .ifPresent(bytes -> all.add(new HugePages(size, bytes, OptionalLong.empty())));
    }
    return all;
  }

  /** Lines {@code MAJOR:MINOR rbytes=1 wbytes=2 rios=3 wios=4 ...}. */
  private static List<DeviceIo> devices(StatText file) {
    List<DeviceIo> all = new ArrayList<>();
    for (String line : file.lines()) {
      String[] words = line.split(" ", -1);
      String[] numbers = words[0].split(":", 2);
      if (line.contains("=")) { // a device that was not used has its numbers alone
        all.add(
            new DeviceIo(
                Integer.parseInt(numbers[0]),
                Integer.parseInt(numbers[1]),
                field(words, "rbytes="),
                field(words, "wbytes="),
                field(words, "rios="),
                field(words, "wios=")));
      }
    }
    return all;
  }

  private static long field(String[] words, String key) {
    for (String word : words) {
      if (word.startsWith(key)) {
        return Long.parseLong(word.substring(key.length()));
      }
    }
    return 0;
  }
}
