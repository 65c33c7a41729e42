package dev.berth.sandbox.spec;

import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.runtime.spec.Resources;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The limits of a container in the runtime spec's words. Zero and empty in CRI mean "not set". */
public final class ContainerLimits {
  private ContainerLimits() {}

  /** Returns the limits that are set, as far as the host can have them. */
  public static Resources of(LinuxContainerResources wanted, HostFacts host) {
    return Resources.builder()
        .cpu(cpu(wanted))
        .memory(memory(wanted, host))
        .hugepageLimits(hugePages(wanted, host))
        .unified(host.cgroup2() ? wanted.getUnifiedMap() : Map.of())
        .build();
  }

  /** Returns limits after a change, which counts where it says something. */
  public static LinuxContainerResources merge(
      LinuxContainerResources before, LinuxContainerResources change) {
    LinuxContainerResources.Builder merged = before.toBuilder();
    if (change.getHugepageLimitsCount() > 0) {
      merged.clearHugepageLimits(); // a list is replaced, and not made longer
    }
    return merged.mergeFrom(change).build();
  }

  private static Resources.Cpu cpu(LinuxContainerResources wanted) {
    return Resources.Cpu.builder()
        .shares(set(wanted.getCpuShares()))
        .quota(set(wanted.getCpuQuota()))
        .period(set(wanted.getCpuPeriod()))
        .cpus(wanted.getCpusetCpus().isEmpty() ? null : wanted.getCpusetCpus())
        .mems(wanted.getCpusetMems().isEmpty() ? null : wanted.getCpusetMems())
        .build();
  }

  /** Without a limit of its own, swap is kept to none: a container is not to outgrow its memory. */
  private static Resources.Memory memory(LinuxContainerResources wanted, HostFacts host) {
    Long limit = set(wanted.getMemoryLimitInBytes());
    Long swap = set(wanted.getMemorySwapLimitInBytes());
    return Resources.Memory.builder()
        .limit(limit)
        .swap(host.swapAccounting() ? (swap == null ? limit : swap) : null)
        .build();
  }

  /** The kubelet sends a limit for every page size, also where the kernel cannot limit any. */
  private static List<Resources.HugepageLimit> hugePages(
      LinuxContainerResources wanted, HostFacts host) {
    if (!host.hugetlb()) {
      return List.of();
    }
    return wanted.getHugepageLimitsList().stream()
        .map(limit -> new Resources.HugepageLimit(limit.getPageSize(), limit.getLimit()))
        .toList();
  }

  private static @Nullable Long set(long value) {
    return value == 0 ? null : value;
  }
}
