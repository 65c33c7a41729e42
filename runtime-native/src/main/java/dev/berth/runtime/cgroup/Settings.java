package dev.berth.runtime.cgroup;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.base.Ids;
import dev.berth.runtime.spec.Resources;
import java.util.List;
import java.util.OptionalLong;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** What the settings of both cgroup versions have in common. */
final class Settings {
  static final String FIELD = "linux.resources.";
  static final long UNLIMITED = -1;
  private static final Pattern PAGE_SIZE = Pattern.compile("[1-9][0-9]*(KB|MB|GB)");
  private static final Pattern DEVICE_NAME = Pattern.compile("[A-Za-z0-9_.:-]+");

  private Settings() {}

  /**
   * Returns a limit, or zero where there is none. Clients written in Go send zero for what they
   * leave out, and no file that this is asked for knows a zero.
   */
  static long orZero(@Nullable Long value) {
    return value == null ? 0 : value;
  }

  static String orMax(long value) {
    return value == UNLIMITED ? "max" : Long.toString(value);
  }

  static BerthException invalid(String field, String why) {
    return new BerthException(Kind.INVALID_ARGUMENT, FIELD + field + " " + why);
  }

  /**
   * Returns the limit of processes. Zero is a limit, as the runtime spec says since 1.3.
   *
   * @param least what is written for less
   */
  static void pids(List<Setting> out, Resources.@Nullable Pids pids, long least) {
    if (pids != null && pids.limit() != null) {
      long limit = pids.limit() == UNLIMITED ? UNLIMITED : Math.max(least, pids.limit());
      out.add(Setting.required(FIELD + "pids.limit", "pids", "pids.max", orMax(limit)));
    }
  }

  static void cpuset(List<Setting> out, Resources.@Nullable Cpu cpu) {
    if (cpu != null && cpu.cpus() != null) {
      out.add(Setting.required(FIELD + "cpu.cpus", "cpuset", "cpuset.cpus", cpu.cpus()));
    }
    if (cpu != null && cpu.mems() != null) {
      out.add(Setting.required(FIELD + "cpu.mems", "cpuset", "cpuset.mems", cpu.mems()));
    }
  }

  /**
   * Returns the limits of huge pages. The kubelet sends a zero for every size the machine has; a
   * host without the controller has no pages to give either way.
   *
   * @param suffix of the file: {@code limit_in_bytes} or {@code max}
   */
  static void hugetlb(List<Setting> out, List<Resources.HugepageLimit> limits, String suffix) {
    for (int i = 0; i < limits.size(); i++) {
      Resources.HugepageLimit limit = limits.get(i);
      String field = FIELD + "hugepageLimits[" + i + "]";
      if (!PAGE_SIZE.matcher(limit.pageSize()).matches()) {
        throw new BerthException(
            Kind.INVALID_ARGUMENT,
            field + ".pageSize \"" + Ids.printable(limit.pageSize()) + "\" is not like 2MB");
      }
      String file = "hugetlb." + limit.pageSize() + ".";
      String value = Long.toUnsignedString(limit.limit());
      out.add(
          limit.limit() == 0
              ? Setting.optional(field, "hugetlb", file + suffix, value)
              : Setting.required(field, "hugetlb", file + suffix, value));
      // Counts pages when they are reserved; since Linux 5.7.
      out.add(Setting.optional(field, "hugetlb", file + "rsvd." + suffix, value));
    }
  }

  static void rdma(List<Setting> out, Resources resources) {
    resources
        .rdma()
        .forEach((device, limits) -> {
          if (!DEVICE_NAME.matcher(device).matches()) {
            throw invalid("rdma \"" + Ids.printable(device) + "\"", "is not a device name");
          }
          StringBuilder value = new StringBuilder(device);
          if (limits.hcaHandles() != null) {
            value.append(" hca_handle=").append(limits.hcaHandles());
          }
          if (limits.hcaObjects() != null) {
            value.append(" hca_object=").append(limits.hcaObjects());
          }
          out.add(Setting.required(FIELD + "rdma." + device, "rdma", "rdma.max", value));
        });
  }

  /** Checks what the kernel would take in a way nobody means. */
  static void checkSwap(Resources.Memory memory) {
    long limit = orZero(memory.limit());
    long swap = orZero(memory.swap());
    if (swap > 0 && limit > 0 && swap < limit) {
      throw invalid(
          "memory.swap",
          swap + " is memory and swap together and must not be below the limit " + limit);
    }
  }

  /**
   * Refuses a limit below what is in use, which the kernel would take and answer with its OOM
   * killer.
   */
  static void requireAboveUsage(Resources.Memory memory, OptionalLong usage) {
    long limit = orZero(memory.limit());
    if (limit > 0 && usage.isPresent() && limit < usage.getAsLong()) {
      throw new BerthException(
          Kind.FAILED_PRECONDITION,
          FIELD + "memory.limit " + limit + " is below the " + usage.getAsLong() + " bytes in use");
    }
  }
}
