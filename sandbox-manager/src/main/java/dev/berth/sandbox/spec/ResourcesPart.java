package dev.berth.sandbox.spec;

import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** Writes the cgroup and its limits. In CRI, zero and empty mean that nothing is to be set. */
final class ResourcesPart implements SpecAdjuster {
  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    RuntimeSpec placed = SpecParts.linux(spec, linux -> linux.cgroupsPath(input.cgroupsPath()));
    LinuxContainerResources wanted = input.resources();
    return SpecParts.resources(
        placed,
        resources ->
            resources
                .cpu(cpu(wanted))
                .memory(memory(wanted, input.host()))
                .hugepageLimits(hugePages(wanted, input.host()))
                .unified(input.host().cgroup2() ? wanted.getUnifiedMap() : Map.of()));
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
