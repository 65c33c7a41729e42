package dev.berth.sandbox.spec;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What the kernel of this machine has.
 *
 * @param lastCapability number of the highest capability
 * @param cgroup2 whether cgroups are managed through the unified hierarchy
 * @param swapAccounting whether swap can be limited
 * @param hugetlb whether huge pages can be limited
 */
public record HostFacts(
    int lastCapability, boolean cgroup2, boolean swapAccounting, boolean hugetlb) {
  private static final Path CGROUPS = Path.of("/sys/fs/cgroup");

  /** Reads the facts. */
  public static HostFacts read() {
    try {
      String last = Files.readString(Path.of("/proc/sys/kernel/cap_last_cap")).strip();
      boolean unified = Files.exists(CGROUPS.resolve("cgroup.controllers"));
      return new HostFacts(
          Integer.parseInt(last),
          unified,
          unified
              ? Files.exists(Path.of("/proc/swaps"))
              : Files.exists(CGROUPS.resolve("memory/memory.memsw.limit_in_bytes")),
          unified
              ? Files.readString(CGROUPS.resolve("cgroup.controllers")).contains("hugetlb")
              : Files.exists(CGROUPS.resolve("hugetlb")));
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, "cannot read what the kernel supports: " + e, e);
    }
  }
}
