package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import dev.berth.runtime.spec.Resources;
import java.util.List;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/** The limits of a container in the runtime spec's words. Zero and empty in CRI mean "not set". */
public final class ContainerLimits {
  // Documentation/admin-guide/cgroup-v1 and scheduler/sched-bwc.rst of the kernel
  private static final long DEFAULT_CPU_SHARES = 1024;
  private static final long DEFAULT_CPU_PERIOD = 100_000;
  private static final long UNLIMITED = -1;

  /** The kernel's own part of a process counts too: its stack, page tables and descriptors. */
  private static final long LEAST_MEMORY_BYTES = 1 << 20;

  private static final long MOST_OOM_SCORE = 1000; // linux/oom.h; the least is its negative

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

  /**
   * Returns what takes a change back: where nothing was set before, the kernel's own value for no
   * limit. A set of CPUs has none, and stays.
   */
  public static LinuxContainerResources undo(
      LinuxContainerResources before, LinuxContainerResources change) {
    LinuxContainerResources.Builder undo = before.toBuilder();
    if (change.getCpuShares() != 0 && before.getCpuShares() == 0) {
      undo.setCpuShares(DEFAULT_CPU_SHARES);
    }
    if (change.getCpuQuota() != 0 && before.getCpuQuota() == 0) {
      undo.setCpuQuota(UNLIMITED);
    }
    if (change.getCpuPeriod() != 0 && before.getCpuPeriod() == 0) {
      undo.setCpuPeriod(DEFAULT_CPU_PERIOD);
    }
    if (change.getMemoryLimitInBytes() != 0 && before.getMemoryLimitInBytes() == 0) {
      undo.setMemoryLimitInBytes(UNLIMITED).setMemorySwapLimitInBytes(UNLIMITED);
    }
    return undo.build();
  }

  /**
   * Returns how readily the kernel kills the container for want of memory.
   *
   * @throws BerthException INVALID_ARGUMENT if it is none of proc_pid_oom_score_adj(5)
   */
  public static int oomScoreAdj(LinuxContainerResources wanted) {
    long score = wanted.getOomScoreAdj();
    if (score < -MOST_OOM_SCORE || score > MOST_OOM_SCORE) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "resources.oom_score_adj " + score + " is not between -1000 and " + MOST_OOM_SCORE);
    }
    return (int) score;
  }

  /**
   * Checks the memory of a container that is to be started.
   *
   * @throws BerthException INVALID_ARGUMENT if its first process would be killed before it runs
   */
  public static void requireMemoryToStart(LinuxContainerResources wanted) {
    long limit = wanted.getMemoryLimitInBytes();
    if (limit > 0 && limit < LEAST_MEMORY_BYTES) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "resources.memory_limit_in_bytes "
              + limit
              + " is less than the "
              + LEAST_MEMORY_BYTES
              + " that a process takes to start");
    }
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
