package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.runtime.cgroup.CgroupDetails.DeviceIo;
import dev.berth.runtime.cgroup.CgroupDetails.HugePages;
import dev.berth.runtime.cgroup.CgroupDetails.Throttling;
import java.util.List;
import java.util.Map;
import java.util.OptionalLong;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Files as two kernels wrote them, one with each version of cgroups. */
class FiguresTest {
  private static final Map<String, String> V1 =
      Map.ofEntries(
          Map.entry("cpuacct.usage", "7612345678\n"),
          Map.entry("cpuacct.stat", "user 512\nsystem 230\n"),
          Map.entry("cpu.stat", "nr_periods 40\nnr_throttled 3\nthrottled_time 123456789\n"),
          Map.entry("memory.usage_in_bytes", "10485760\n"),
          Map.entry("memory.limit_in_bytes", "9223372036854771712\n"),
          Map.entry("memory.max_usage_in_bytes", "20971520\n"),
          Map.entry("memory.failcnt", "9\n"),
          Map.entry("memory.kmem.usage_in_bytes", "65536\n"),
          Map.entry("memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 2\n"),
          Map.entry(
              "memory.stat",
              """
              cache 1
              rss 2
              mapped_file 3
              swap 0
              pgfault 5
              hierarchical_memory_limit 9223372036854771712
              total_cache 4096
              total_rss 8192
              total_mapped_file 1024
              total_swap 512
              total_pgfault 77
              total_pgmajfault 6
              total_inactive_file 485760
              """),
          Map.entry("pids.current", "4\n"),
          Map.entry("pids.max", "100\n"),
          Map.entry("hugetlb.2MB.usage_in_bytes", "2097152\n"),
          Map.entry("hugetlb.2MB.max_usage_in_bytes", "4194304\n"),
          Map.entry(
              "blkio.throttle.io_service_bytes_recursive",
              """
              8:0 Read 4096
              8:0 Write 8192
              8:0 Sync 12288
              8:0 Async 0
              8:0 Discard 0
              8:0 Total 12288
              Total 12288
              """),
          Map.entry("blkio.throttle.io_serviced_recursive", "8:0 Read 1\n8:0 Write 2\nTotal 3\n"));

  private static final Map<String, String> V2 =
      Map.ofEntries(
          Map.entry(
              "cpu.stat",
              """
              usage_usec 7612345
              user_usec 5120000
              system_usec 2492345
              nr_periods 40
              nr_throttled 3
              throttled_usec 123456
              """),
          Map.entry("memory.current", "10485760\n"),
          Map.entry("memory.max", "max\n"),
          Map.entry("memory.peak", "20971520\n"),
          Map.entry("memory.swap.current", "512\n"),
          Map.entry("memory.swap.max", "1048576\n"),
          Map.entry("memory.events", "low 0\nhigh 0\nmax 9\noom 2\noom_kill 2\n"),
          Map.entry(
              "memory.stat",
              """
              anon 8192
              file 4096
              kernel 65536
              file_mapped 1024
              inactive_anon 1
              inactive_file 485760
              pgfault 77
              pgmajfault 6
              """),
          Map.entry("pids.current", "4\n"),
          Map.entry("pids.max", "max\n"),
          Map.entry("hugetlb.2MB.current", "2097152\n"),
          Map.entry(
              "io.stat", "8:16 \n8:0 rbytes=4096 wbytes=8192 rios=1 wios=2 dbytes=0 dios=0\n"),
          Map.entry(
              "cpu.pressure",
              """
              some avg10=1.05 avg60=0.00 avg300=0.00 total=3
              full avg10=0.00 avg60=0.00 avg300=0.00 total=0
              """));

  private static StatFiles recorded(Map<String, String> files) {
    return (_, file) -> {
      String text = files.get(file);
      return text == null ? StatText.ABSENT : StatText.of(text);
    };
  }

  @Test
  void statsOfVersion1AreFound() {
    CgroupStats stats = V1Figures.stats(recorded(V1)).orElseThrow();

    assertThat(stats.cpuUsageNanos()).hasValue(7_612_345_678L);
    assertThat(stats.memoryUsageBytes()).hasValue(10_485_760);
    assertThat(stats.memoryWorkingSetBytes()).hasValue(10_000_000);
    assertThat(stats.memoryLimitBytes()).isEmpty();
    assertThat(stats.memoryRssBytes()).hasValue(8192);
    assertThat(stats.swapUsageBytes()).hasValue(512);
    assertThat(stats.pageFaults()).hasValue(77);
    assertThat(stats.majorPageFaults()).hasValue(6);
    assertThat(stats.pids()).hasValue(4);
    assertThat(stats.cpuPressure()).isEmpty();
  }

  @Test
  void statsOfVersion2AreFound() {
    CgroupStats stats = V2Figures.stats(recorded(V2)).orElseThrow();

    assertThat(stats.cpuUsageNanos()).hasValue(7_612_345_000L);
    assertThat(stats.memoryWorkingSetBytes()).hasValue(10_000_000);
    assertThat(stats.memoryLimitBytes()).isEmpty();
    assertThat(stats.memoryRssBytes()).hasValue(8192);
    assertThat(stats.swapUsageBytes()).hasValue(512);
    assertThat(stats.swapLimitBytes()).hasValue(1_048_576);
    assertThat(stats.pageFaults()).hasValue(77);
    assertThat(stats.pids()).hasValue(4);
    assertThat(stats.cpuPressure().orElseThrow().some().avg10()).isEqualTo(1.05);
    assertThat(stats.cpuPressure().orElseThrow().some().totalNanos()).isEqualTo(3000);
    assertThat(stats.ioPressure()).isEmpty();
  }

  @Test
  void detailsOfVersion1AreFound() {
    CgroupDetails details = V1Figures.details(recorded(V1), List.of("2MB", "1GB"));

    assertThat(details.cpuUserNanos()).hasValue(5_120_000_000L);
    assertThat(details.cpuSystemNanos()).hasValue(2_300_000_000L);
    assertThat(details.throttling()).contains(new Throttling(40, 3, 123_456_789));
    assertThat(details.kernelBytes()).hasValue(65_536);
    assertThat(details.maxPids()).hasValue(100);
    assertThat(details.hugePages())
        .containsExactly(new HugePages("2MB", 2 << 20, OptionalLong.of(4 << 20)));
    assertSame(details);
  }

  @Test
  void detailsOfVersion2AreFound() {
    CgroupDetails details = V2Figures.details(recorded(V2), List.of("2MB", "1GB"));

    assertThat(details.cpuUserNanos()).hasValue(5_120_000_000L);
    assertThat(details.cpuSystemNanos()).hasValue(2_492_345_000L);
    assertThat(details.throttling()).contains(new Throttling(40, 3, 123_456_000));
    assertThat(details.kernelBytes()).hasValue(65_536);
    assertThat(details.maxPids()).isEmpty();
    assertThat(details.hugePages())
        .containsExactly(new HugePages("2MB", 2 << 20, OptionalLong.empty()));
    assertSame(details);
  }

  private static void assertSame(CgroupDetails details) {
    assertThat(details.cacheBytes()).hasValue(4096);
    assertThat(details.mappedFileBytes()).hasValue(1024);
    assertThat(details.maxUsageBytes()).hasValue(20_971_520);
    assertThat(details.limitHits()).hasValue(9);
    assertThat(details.oomKills()).hasValue(2);
    assertThat(details.devices()).containsExactly(new DeviceIo(8, 0, 4096, 8192, 1, 2));
  }

  @Test
  void groupWithoutFilesIsNone() {
    assertThat(V1Figures.stats(recorded(Map.of()))).isEmpty();
    assertThat(V2Figures.stats(recorded(Map.of()))).isEmpty();
  }

  @Test
  void limitOfVersion1IsToldFromNone() {
    var files = Map.of("cpuacct.usage", "1\n", "memory.limit_in_bytes", "67108864\n");
    assertThat(V1Figures.stats(recorded(files)).orElseThrow().memoryLimitBytes())
        .hasValue(64 << 20);
  }

  @Test
  void keyThatBeginsAnotherIsNotTakenForIt() {
    assertThat(StatText.of("oom_kill_disable 1\noom 5\noom_kill 3\n").value("oom_kill"))
        .hasValue(3);
    assertThat(StatText.of("total_rss 1").value("rss")).isEmpty();
  }

  @ParameterizedTest
  @CsvSource({"64,64KB", "2048,2MB", "1048576,1GB", "16777216,16GB"})
  void hugePageSizesAreNamedAsTheKernelDoes(long kilobytes, String name) {
    assertThat(Figures.size(kilobytes)).isEqualTo(name);
  }
}
