package dev.berth.runtime.cgroup;

import java.util.List;
import java.util.Optional;
import java.util.OptionalLong;

/**
 * What a cgroup uses beyond {@link CgroupStats}, as monitoring wants it. A figure is empty where
 * the host lacks its controller, or the version of cgroups has no such figure.
 *
 * @param cpuUserNanos CPU time used outside the kernel
 * @param cpuSystemNanos CPU time used in the kernel
 * @param throttling how the CPU quota held the group back
 * @param cacheBytes page cache
 * @param mappedFileBytes page cache that is mapped
 * @param kernelBytes memory of the kernel's own, such as stacks and sockets
 * @param maxUsageBytes the most memory that was ever charged
 * @param limitHits how often usage ran into the memory limit
 * @param oomKills processes that were killed for want of memory
 * @param maxPids how many tasks the group may have; empty also without a limit
 * @param hugePages by page size
 * @param devices by block device; none where the group has used none
 */
public record CgroupDetails(
    OptionalLong cpuUserNanos,
    OptionalLong cpuSystemNanos,
    Optional<Throttling> throttling,
    OptionalLong cacheBytes,
    OptionalLong mappedFileBytes,
    OptionalLong kernelBytes,
    OptionalLong maxUsageBytes,
    OptionalLong limitHits,
    OptionalLong oomKills,
    OptionalLong maxPids,
    List<HugePages> hugePages,
    List<DeviceIo> devices) {
  /** Copies the lists. */
  public CgroupDetails {
    hugePages = List.copyOf(hugePages);
    devices = List.copyOf(devices);
  }

  /**
   * Enforcement of a CPU quota.
   *
   * @param periods that have passed while the group had something to run
   * @param throttledPeriods in which the quota ran out
   * @param throttledNanos how long tasks waited for the next period
   */
  public record Throttling(long periods, long throttledPeriods, long throttledNanos) {}

  /**
   * Pages of one size.
   *
   * @param size as the kernel writes it: {@code 2MB}
   * @param maxUsageBytes the most there ever was; v1 only
   */
  public record HugePages(String size, long usageBytes, OptionalLong maxUsageBytes) {}

  /** Traffic to and from a block device, named by its numbers. */
  public record DeviceIo(
      int major, int minor, long readBytes, long writtenBytes, long reads, long writes) {}
}
