package dev.berth.shim;

import com.google.protobuf.Any;
import com.google.protobuf.MessageLite;
import dev.berth.proto.shim.cgroups.v1.BlkIOEntry;
import dev.berth.proto.shim.cgroups.v1.BlkIOStat;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.cgroup.CgroupDetails;
import dev.berth.runtime.cgroup.CgroupDetails.DeviceIo;
import dev.berth.runtime.cgroup.CgroupStats;
import dev.berth.runtime.cgroup.Cgroups;
import java.util.OptionalLong;

/**
 * What a container uses, as the task API tells it: {@code io.containerd.cgroups.v1.Metrics} or
 * {@code v2.Metrics}, by the host's kind of cgroups.
 *
 * <p>A figure that the host lacks is 0, and a limit that is not set the largest number there is.
 */
final class TaskMetrics {
  private static final long NO_LIMIT_V1 = Long.MAX_VALUE & -4096L; // as the kernel shows it
  private static final long NO_LIMIT_V2 = -1; // of 64 bits without a sign
  private static final long NANOS_PER_MICRO = 1000;

  private final CgroupStats stats;
  private final CgroupDetails details;

  private TaskMetrics(Cgroup cgroup) {
    this.stats = cgroup.stats();
    this.details = cgroup.details();
  }

  /**
   * Reads what a group uses.
   *
   * @throws dev.berth.base.BerthException NOT_FOUND if it is gone
   */
  static Any read(Cgroup cgroup) {
    var metrics = new TaskMetrics(cgroup);
    return switch (Cgroups.detect().version()) {
      case V1 -> any("io.containerd.cgroups.v1.Metrics", metrics.v1());
      case V2 -> any("io.containerd.cgroups.v2.Metrics", metrics.v2());
    };
  }

  private static Any any(String type, MessageLite message) {
    return Any.newBuilder().setTypeUrl(type).setValue(message.toByteString()).build();
  }

  private dev.berth.proto.shim.cgroups.v1.Metrics v1() {
    var metrics =
        dev.berth.proto.shim.cgroups.v1.Metrics.newBuilder()
            .setPids(
                dev.berth.proto.shim.cgroups.v1.PidsStat.newBuilder()
                    .setCurrent(zero(stats.pids()))
                    .setLimit(zero(details.maxPids()))) // 0 is none here
            .setCpu(cpuV1())
            .setMemory(memoryV1())
            .setMemoryOomControl(
                dev.berth.proto.shim.cgroups.v1.MemoryOomControl.newBuilder()
                    .setOomKill(zero(details.oomKills())))
            .setBlkio(blockDevices());
    for (CgroupDetails.HugePages pages : details.hugePages()) {
      metrics.addHugetlb(
          dev.berth.proto.shim.cgroups.v1.HugetlbStat.newBuilder()
              .setPagesize(pages.size())
              .setUsage(pages.usageBytes())
              .setMax(zero(pages.maxUsageBytes())));
    }
    return metrics.build();
  }

  private dev.berth.proto.shim.cgroups.v1.CPUStat cpuV1() {
    var cpu =
        dev.berth.proto.shim.cgroups.v1.CPUStat.newBuilder()
            .setUsage(
                dev.berth.proto.shim.cgroups.v1.CPUUsage.newBuilder()
                    .setTotal(zero(stats.cpuUsageNanos()))
                    .setUser(zero(details.cpuUserNanos()))
                    .setKernel(zero(details.cpuSystemNanos())));
    details
        .throttling()
        .ifPresent(throttling ->
            cpu.setThrottling(
                dev.berth.proto.shim.cgroups.v1.Throttle.newBuilder()
                    .setPeriods(throttling.periods())
                    .setThrottledPeriods(throttling.throttledPeriods())
                    .setThrottledTime(throttling.throttledNanos())));
    return cpu.build();
  }

  private dev.berth.proto.shim.cgroups.v1.MemoryStat memoryV1() {
    long limit = stats.memoryLimitBytes().orElse(NO_LIMIT_V1);
    return dev.berth.proto.shim.cgroups.v1.MemoryStat.newBuilder()
        .setRss(zero(stats.memoryRssBytes()))
        .setTotalRss(zero(stats.memoryRssBytes()))
        .setCache(zero(details.cacheBytes()))
        .setTotalCache(zero(details.cacheBytes()))
        .setMappedFile(zero(details.mappedFileBytes()))
        .setTotalMappedFile(zero(details.mappedFileBytes()))
        .setPgFault(zero(stats.pageFaults()))
        .setTotalPgFault(zero(stats.pageFaults()))
        .setPgMajFault(zero(stats.majorPageFaults()))
        .setTotalPgMajFault(zero(stats.majorPageFaults()))
        .setInactiveFile(inactiveFile())
        .setTotalInactiveFile(inactiveFile())
        .setHierarchicalMemoryLimit(limit)
        .setUsage(
            entry(zero(stats.memoryUsageBytes()))
                .setLimit(limit)
                .setMax(zero(details.maxUsageBytes()))
                .setFailcnt(zero(details.limitHits())))
        .setSwap(entry(zero(stats.memoryUsageBytes()) + zero(stats.swapUsageBytes())))
        .setKernel(entry(zero(details.kernelBytes())))
        .build();
  }

  private static dev.berth.proto.shim.cgroups.v1.MemoryEntry.Builder entry(long usage) {
    return dev.berth.proto.shim.cgroups.v1.MemoryEntry.newBuilder().setUsage(usage);
  }

  /** What usage has beyond the working set. */
  private long inactiveFile() {
    return Math.max(0, zero(stats.memoryUsageBytes()) - zero(stats.memoryWorkingSetBytes()));
  }

  private BlkIOStat blockDevices() {
    var all = BlkIOStat.newBuilder();
    for (DeviceIo device : details.devices()) {
      all.addIoServiceBytesRecursive(entry(device, "Read", device.readBytes()))
          .addIoServiceBytesRecursive(entry(device, "Write", device.writtenBytes()))
          .addIoServicedRecursive(entry(device, "Read", device.reads()))
          .addIoServicedRecursive(entry(device, "Write", device.writes()));
    }
    return all.build();
  }

  private static BlkIOEntry entry(DeviceIo device, String operation, long value) {
    return BlkIOEntry.newBuilder()
        .setMajor(device.major())
        .setMinor(device.minor())
        .setOp(operation)
        .setValue(value)
        .build();
  }

  private dev.berth.proto.shim.cgroups.v2.Metrics v2() {
    var metrics =
        dev.berth.proto.shim.cgroups.v2.Metrics.newBuilder()
            .setPids(
                dev.berth.proto.shim.cgroups.v2.PidsStat.newBuilder()
                    .setCurrent(zero(stats.pids()))
                    .setLimit(zero(details.maxPids())))
            .setCpu(cpuV2())
            .setMemory(memoryV2())
            .setMemoryEvents(
                dev.berth.proto.shim.cgroups.v2.MemoryEvents.newBuilder()
                    .setMax(zero(details.limitHits()))
                    .setOomKill(zero(details.oomKills())))
            .setIo(disks());
    for (CgroupDetails.HugePages pages : details.hugePages()) {
      metrics.addHugetlb(
          dev.berth.proto.shim.cgroups.v2.HugeTlbStat.newBuilder()
              .setPagesize(pages.size())
              .setCurrent(pages.usageBytes()));
    }
    return metrics.build();
  }

  private dev.berth.proto.shim.cgroups.v2.CPUStat cpuV2() {
    var cpu =
        dev.berth.proto.shim.cgroups.v2.CPUStat.newBuilder()
            .setUsageUsec(zero(stats.cpuUsageNanos()) / NANOS_PER_MICRO)
            .setUserUsec(zero(details.cpuUserNanos()) / NANOS_PER_MICRO)
            .setSystemUsec(zero(details.cpuSystemNanos()) / NANOS_PER_MICRO);
    details
        .throttling()
        .ifPresent(throttling ->
            cpu.setNrPeriods(throttling.periods())
                .setNrThrottled(throttling.throttledPeriods())
                .setThrottledUsec(throttling.throttledNanos() / NANOS_PER_MICRO));
    return cpu.build();
  }

  private dev.berth.proto.shim.cgroups.v2.MemoryStat memoryV2() {
    return dev.berth.proto.shim.cgroups.v2.MemoryStat.newBuilder()
        .setAnon(zero(stats.memoryRssBytes()))
        .setFile(zero(details.cacheBytes()))
        .setFileMapped(zero(details.mappedFileBytes()))
        .setInactiveFile(inactiveFile())
        .setPgfault(zero(stats.pageFaults()))
        .setPgmajfault(zero(stats.majorPageFaults()))
        .setUsage(zero(stats.memoryUsageBytes()))
        .setUsageLimit(stats.memoryLimitBytes().orElse(NO_LIMIT_V2))
        .setSwapUsage(zero(stats.swapUsageBytes()))
        .setSwapLimit(stats.swapLimitBytes().orElse(NO_LIMIT_V2))
        .setMaxUsage(zero(details.maxUsageBytes()))
        .build();
  }

  private dev.berth.proto.shim.cgroups.v2.IOStat disks() {
    var all = dev.berth.proto.shim.cgroups.v2.IOStat.newBuilder();
    for (DeviceIo device : details.devices()) {
      all.addUsage(
          dev.berth.proto.shim.cgroups.v2.IOEntry.newBuilder()
              .setMajor(device.major())
              .setMinor(device.minor())
              .setRbytes(device.readBytes())
              .setWbytes(device.writtenBytes())
              .setRios(device.reads())
              .setWios(device.writes()));
    }
    return all.build();
  }

  private static long zero(OptionalLong figure) {
    return figure.orElse(0);
  }
}
