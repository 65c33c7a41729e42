package dev.berth.sandbox.spec;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/**
 * What the kernel of this machine has.
 *
 * @param capabilities those that containers can have, one bit each: what this process has itself
 * @param cgroup2 whether cgroups are managed through the unified hierarchy
 * @param swapAccounting whether swap can be limited
 * @param hugetlb whether huge pages can be limited
 * @param leastOomScoreAdj the lowest score that this process may give to others
 * @param selinux whether SELinux labels what is run and mounted
 */
public record HostFacts(
    long capabilities,
    boolean cgroup2,
    boolean swapAccounting,
    boolean hugetlb,
    int leastOomScoreAdj,
    boolean selinux) {
  private static final Path CGROUPS = Path.of("/sys/fs/cgroup");
  private static final Path SELINUX = Path.of("/sys/fs/selinux/enforce"); // where it is enabled
  private static final int CAP_SYS_RESOURCE = 24; // linux/capability.h
  private static final int OOM_SCORE_ADJ_MIN = -1000; // linux/oom.h

  /** Reads the facts. */
  public static HostFacts read() {
    try {
      boolean unified = Files.exists(CGROUPS.resolve("cgroup.controllers"));
      return new HostFacts(
          availableCapabilities(),
          unified,
          unified
              ? Files.exists(Path.of("/proc/swaps"))
              : Files.exists(CGROUPS.resolve("memory/memory.memsw.limit_in_bytes")),
          unified
              ? Files.readString(CGROUPS.resolve("cgroup.controllers")).contains("hugetlb")
              : Files.exists(CGROUPS.resolve("hugetlb")),
          leastOomScoreAdjustment(),
          Files.exists(SELINUX));
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, "cannot read what the kernel supports: " + e, e);
    }
  }

  /** The capabilities that this process has and may leave to its children. */
  private static long availableCapabilities() throws IOException {
    return capabilities("CapPrm:") & capabilities("CapBnd:");
  }

  private static long capabilities(String set) throws IOException {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith(set))
        .mapToLong(line -> Long.parseUnsignedLong(line.substring(set.length()).strip(), 16))
        .findFirst()
        .orElseThrow(() -> new IOException("/proc/self/status has no " + set));
  }

  /** To go below one's own score takes CAP_SYS_RESOURCE, see proc_pid_oom_score_adj(5). */
  private static int leastOomScoreAdjustment() throws IOException {
    boolean mayLower = (capabilities("CapEff:") >> CAP_SYS_RESOURCE & 1) == 1;
    return mayLower
        ? OOM_SCORE_ADJ_MIN
        : Integer.parseInt(Files.readString(Path.of("/proc/self/oom_score_adj")).strip());
  }
}
