package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.spec.Resources;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class V1CgroupTest extends CgroupContract {
  private static final long MIB = 1 << 20;

  @Override
  Cgroups open() {
    Cgroups cgroups = DETECTED;
    assumeTrue(cgroups.version() == Cgroups.Version.V1, "cgroup v1 is mounted");
    return cgroups;
  }

  @Test
  void limitsArriveInTheKernel() {
    assumeTrue(cgroups.controllers().contains("memory"), "there is a memory controller");
    group.create();
    group.apply(
        Resources.builder()
            .memory(
                Resources.Memory.builder()
                    .limit(64 * MIB)
                    .swap(96 * MIB)
                    .reservation(32 * MIB)
                    .build())
            .cpu(
                Resources.Cpu.builder()
                    .shares(512L)
                    .quota(50_000L)
                    .period(200_000L)
                    .burst(10_000L)
                    .cpus("0")
                    .build())
            .pids(new Resources.Pids(7L))
            .hugepageLimits(List.of(new Resources.HugepageLimit("2MB", 0)))
            .build());
    assertThat(value("memory", "memory.limit_in_bytes")).isEqualTo("67108864");
    assertThat(value("memory", "memory.memsw.limit_in_bytes")).isEqualTo("100663296");
    assertThat(value("memory", "memory.soft_limit_in_bytes")).isEqualTo("33554432");
    assertThat(value("cpu", "cpu.shares")).isEqualTo("512");
    assertThat(value("cpu", "cpu.cfs_quota_us")).isEqualTo("50000");
    assertThat(value("cpu", "cpu.cfs_period_us")).isEqualTo("200000");
    assertThat(value("cpu", "cpu.cfs_burst_us")).isEqualTo("10000");
    assertThat(value("cpuset", "cpuset.cpus")).isEqualTo("0");
    assertThat(value("cpuset", "cpuset.mems")).isEqualTo("0");
    assertThat(value("pids", "pids.max")).isEqualTo("7");
    assertThat(group.stats().memoryLimitBytes()).hasValue(64 * MIB);
  }

  @Test
  void memoryAndSwapGrowShrinkAndEndTogether() {
    assumeTrue(cgroups.controllers().contains("memory"), "there is a memory controller");
    group.create();
    for (long[] limits : new long[][] {{64, 96}, {128, 160}, {32, 48}, {200, 200}, {16, 16}}) {
      group.apply(memory(limits[0] * MIB, limits[1] * MIB));
      assertThat(value("memory", "memory.limit_in_bytes")).isEqualTo("" + limits[0] * MIB);
      assertThat(value("memory", "memory.memsw.limit_in_bytes")).isEqualTo("" + limits[1] * MIB);
    }
    group.apply(memory(-1L, null));
    assertThat(group.stats().memoryLimitBytes()).isEmpty();
    assertThat(Long.parseLong(value("memory", "memory.memsw.limit_in_bytes")))
        .isGreaterThan(1L << 60);
  }

  @Test
  void burstMayExceedTheOldQuota() {
    group.create();
    group.apply(
        Resources.builder()
            .cpu(Resources.Cpu.builder().quota(20_000L).period(100_000L).build())
            .build());
    group.apply(
        Resources.builder()
            .cpu(Resources.Cpu.builder().quota(80_000L).burst(40_000L).build())
            .build());
    assertThat(value("cpu", "cpu.cfs_burst_us")).isEqualTo("40000");
  }

  @Test
  void limitWithoutItsControllerIsNamed() {
    assumeTrue(!cgroups.controllers().contains("hugetlb"), "no hugetlb on v1");
    group.create();
    Resources resources =
        Resources.builder()
            .hugepageLimits(List.of(new Resources.HugepageLimit("2MB", 4 * MIB)))
            .build();
    assertThatThrownBy(() -> group.apply(resources))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.FAILED_PRECONDITION))
        .hasMessage(
            "linux.resources.hugepageLimits[0]: this host has no cgroup controller hugetlb");
  }

  @ParameterizedTest
  @ValueSource(strings = {"999", "4294967296", "no number"})
  void valueTheKernelRefusesIsNamed(String cpus) {
    assumeTrue(cgroups.controllers().contains("memory"), "there is a memory controller");
    group.create();
    Resources resources =
        Resources.builder().cpu(Resources.Cpu.builder().cpus(cpus).build()).build();
    assertThatThrownBy(() -> group.apply(resources))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID_ARGUMENT))
        .hasMessageStartingWith("linux.resources.cpu.cpus: write \"" + cpus + "\" to ");
  }

  @Test
  void limitBelowUsageIsRefusedWhenAsked() throws Exception {
    assumeTrue(cgroups.controllers().contains("memory"), "there is a memory controller");
    group.create();
    run("sleep", "60");
    Resources resources =
        Resources.builder()
            .memory(Resources.Memory.builder().limit(4096L).checkBeforeUpdate(true).build())
            .build();
    assertThatThrownBy(() -> group.apply(resources))
        .isInstanceOf(BerthException.class)
        .hasMessageMatching("linux.resources.memory.limit 4096 is below the \\d+ bytes in use");
    assertThat(group.stats().memoryWorkingSetBytes().orElseThrow()).isPositive();
    assertThat(group.stats().pids()).hasValue(1);
    assertThat(group.stats().cpuUsageNanos().orElseThrow()).isPositive();
  }

  private static Resources memory(Long limit, Long swap) {
    return Resources.builder()
        .memory(Resources.Memory.builder().limit(limit).swap(swap).build())
        .build();
  }

  private String value(String controller, String file) {
    return read(Path.of("/sys/fs/cgroup", controller, group.path().relative(), file));
  }
}
