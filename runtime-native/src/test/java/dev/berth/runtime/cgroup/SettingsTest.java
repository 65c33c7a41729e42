package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.Resources;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class SettingsTest {
  private static final long MIB = 1 << 20;

  @ParameterizedTest
  @CsvSource({
    "1, 1",
    "2, 1",
    "3, 2",
    "102, 17",
    "512, 59",
    "1024, 100",
    "2048, 174",
    "262144, 10000",
    "300000, 10000",
    "-1, 10000"
  })
  void sharesBecomeWeights(long shares, long weight) {
    assertThat(V2Settings.weightOfShares(shares)).isEqualTo(weight);
  }

  @Test
  void weightsGrowWithShares() {
    long last = 0;
    for (long shares = 2; shares <= 262144; shares++) {
      long weight = V2Settings.weightOfShares(shares);
      assertThat(weight).isBetween(Math.max(1, last), 10000L);
      last = weight;
    }
  }

  @Test
  void podLimitsAreWrittenInBothVersions() {
    Resources resources =
        Resources.builder()
            .memory(Resources.Memory.builder().limit(64 * MIB).swap(96 * MIB).build())
            .cpu(Resources.Cpu.builder().shares(1024L).quota(50000L).period(100000L).build())
            .pids(new Resources.Pids(-1L))
            .hugepageLimits(List.of(new Resources.HugepageLimit("2MB", 0)))
            .build();
    assertThat(v1(resources))
        .containsExactly(
            "memory.limit_in_bytes=67108864",
            "memory.memsw.limit_in_bytes=100663296",
            "cpu.shares=1024",
            "cpu.cfs_period_us=100000",
            "cpu.cfs_quota_us=50000",
            "pids.max=max",
            "hugetlb.2MB.limit_in_bytes=0?",
            "hugetlb.2MB.rsvd.limit_in_bytes=0?");
    assertThat(v2(resources))
        .containsExactly(
            "memory.swap.max=33554432",
            "memory.max=67108864",
            "cpu.weight=100",
            "cpu.max=50000 100000",
            "pids.max=max",
            "hugetlb.2MB.max=0?",
            "hugetlb.2MB.rsvd.max=0?");
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "-,    -,    ''",
        "0,    0,    ''",
        "100,  -,    memory.max=100",
        "100,  100,  memory.swap.max=0? memory.max=100",
        "100,  150,  memory.swap.max=50 memory.max=100",
        "100,  -1,   memory.swap.max=max? memory.max=100",
        "-1,   -,    memory.swap.max=max? memory.max=max",
        "-1,   50,   memory.swap.max=50 memory.max=max",
      })
  void swapIsCountedAloneInV2(Long limit, Long swap, String expected) {
    Resources resources =
        Resources.builder()
            .memory(Resources.Memory.builder().limit(limit).swap(swap).build())
            .build();
    assertThat(String.join(" ", v2(resources))).isEqualTo(expected);
  }

  @ParameterizedTest
  @CsvSource(
      nullValues = "-",
      value = {
        "-,     -,      ''",
        "50000, -,      cpu.max=50000",
        "-1,    -,      cpu.max=max",
        "50000, 200000, cpu.max=50000 200000",
        "-,     200000, cpu.max=70000 200000",
      })
  void quotaAndPeriodShareAFileInV2(Long quota, Long period, String expected) {
    Resources resources =
        Resources.builder()
            .cpu(Resources.Cpu.builder().quota(quota).period(period).build())
            .build();
    assertThat(String.join(" ", v2(resources))).isEqualTo(expected);
  }

  @Test
  void weightOfBlockIoHasASecondChoice() {
    Resources resources =
        Resources.builder()
            .blockIo(
                new Resources.BlockIo(
                    500, null, List.of(), List.of(), List.of(), List.of(), List.of()))
            .build();
    assertThat(v1(resources)).containsExactly("blkio.bfq.weight=500 or blkio.weight=500");
    assertThat(v2(resources)).containsExactly("io.bfq.weight=500 or io.weight=4950");
  }

  @Test
  void noPidsAtAllIsALimit() {
    Resources resources = Resources.builder().pids(new Resources.Pids(0L)).build();
    assertThat(v1(resources)).containsExactly("pids.max=0");
    assertThat(v2(resources)).containsExactly("pids.max=1");
  }

  @Test
  void unifiedFilesComeLast() {
    Resources resources =
        Resources.builder()
            .pids(new Resources.Pids(5L))
            .unified(Map.of("memory.high", "1000"))
            .build();
    assertThat(v2(resources)).containsExactly("pids.max=5", "memory.high=1000");
  }

  @ParameterizedTest
  @CsvSource({
    "../memory.max,   is not a file of a cgroup controller",
    "memory/max.x,    is not a file of a cgroup controller",
    "memory,          is not a file of a cgroup controller",
    ".memory,         is not a file of a cgroup controller",
    "cgroup.procs,    is not a limit",
    "cgroup.freeze,   is not a limit",
  })
  void unifiedFilesStayInTheGroup(String file, String why) {
    Resources resources = Resources.builder().unified(Map.of(file, "1")).build();
    assertThatThrownBy(() -> v2(resources))
        .isInstanceOf(BerthException.class)
        .hasMessage("linux.resources.unified \"" + file + "\" " + why);
  }

  @Test
  void valuesThatCannotBeAreNamed() {
    assertRefused(
        Resources.builder().unified(Map.of("memory.high", "1")).build(),
        "linux.resources.unified is for cgroup v2, and this host has v1");
    assertRefused(
        Resources.builder()
            .memory(Resources.Memory.builder().limit(100L).swap(50L).build())
            .build(),
        "linux.resources.memory.swap 50 is memory and swap together"
            + " and must not be below the limit 100");
    assertRefused(
        Resources.builder()
            .hugepageLimits(List.of(new Resources.HugepageLimit("2MB/../x", 1)))
            .build(),
        "linux.resources.hugepageLimits[0].pageSize \"2MB/../x\" is not like 2MB");
  }

  private static void assertRefused(Resources resources, String message) {
    assertThatThrownBy(() -> v1(resources)).isInstanceOf(BerthException.class).hasMessage(message);
  }

  private static List<String> v1(Resources resources) {
    return V1Settings.of(resources).stream().map(SettingsTest::text).toList();
  }

  private static List<String> v2(Resources resources) {
    return V2Settings.of(resources, () -> "70000 100000").stream().map(SettingsTest::text).toList();
  }

  private static String text(Setting setting) {
    return setting.file()
        + "="
        + setting.value()
        + (setting.required() ? "" : "?")
        + (setting.otherwise() == null ? "" : " or " + text(setting.otherwise()));
  }
}
