package dev.berth.runtime.cgroup;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import dev.berth.runtime.spec.Resources;
import dev.berth.runtime.systemd.UnitProperty;
import dev.berth.runtime.systemd.UnitProperty.Value;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ScopePropertiesTest {
  private static final Scope SCOPE = Scope.parse("a-b.slice:cri:c");

  private static List<UnitProperty> limits(Resources resources) {
    return ScopeProperties.ofLimits(V2Settings.of(resources, () -> "max"));
  }

  private static List<UnitProperty> unified(String file, String value) {
    return limits(Resources.builder().unified(Map.of(file, value)).build());
  }

  @Test
  void scopeIsDelegatedAndCountedInItsSlice() {
    assertThat(ScopeProperties.atStart(SCOPE, 7, List.of(), Cgroups.Version.V2))
        .contains(
            UnitProperty.of("Slice", "a-b.slice"),
            UnitProperty.of("Delegate", true),
            UnitProperty.of("DefaultDependencies", false),
            UnitProperty.of("MemoryAccounting", true),
            UnitProperty.of("IOAccounting", true),
            new UnitProperty("PIDs", new Value.Processes(List.of(7))));
  }

  @Test
  void podLimitsAreToldInBothVersions() {
    Resources resources =
        Resources.builder()
            .memory(Resources.Memory.builder().limit(1000L).swap(1500L).build())
            .cpu(
                Resources.Cpu.builder()
                    .shares(1024L)
                    .quota(50_000L)
                    .period(100_000L)
                    .cpus("0-2,9")
                    .build())
            .pids(new Resources.Pids(-1L))
            .build();
    assertThat(limits(resources))
        .containsExactlyInAnyOrder(
            UnitProperty.of("MemoryMax", 1000),
            UnitProperty.of("MemorySwapMax", 500),
            UnitProperty.of("CPUWeight", 100),
            UnitProperty.of("CPUQuotaPeriodUSec", 100_000),
            UnitProperty.of("CPUQuotaPerSecUSec", 500_000),
            UnitProperty.of("TasksMax", -1),
            new UnitProperty("AllowedCPUs", new Value.NumberSet(List.of(0, 1, 2, 9))));
    assertThat(ScopeProperties.ofLimits(V1Settings.of(resources)))
        .contains(
            UnitProperty.of("MemoryLimit", 1000),
            UnitProperty.of("CPUShares", 1024),
            UnitProperty.of("CPUQuotaPerSecUSec", 500_000));
  }

  @ParameterizedTest
  @CsvSource({
    "50000 100000, 500000",
    "12345 100000, 130000", // whole percents, rounded up
    "1000 100000, 10000",
    "250000 50000, 5000000",
    "max 100000, -1",
  })
  void quotaIsWhatFitsIntoASecond(String file, long perSecond) {
    assertThat(unified("cpu.max", file)).contains(UnitProperty.of("CPUQuotaPerSecUSec", perSecond));
  }

  @ParameterizedTest
  @CsvSource({
    "memory.max, 1g, MemoryMax, 1073741824",
    "memory.high, max, MemoryHigh, -1",
    "memory.min, 0, MemoryMin, 0",
    "memory.max, 0, MemoryMax, 1",
    "pids.max, 0, TasksMax, 1",
    "cpu.idle, 1, CPUWeight, 0",
  })
  void unifiedFilesAreToldToo(String file, String value, String property, long number) {
    assertThat(unified(file, value)).containsExactly(UnitProperty.of(property, number));
  }

  @Test
  void disksAreNamedByTheirNumbers() {
    assertThat(unified("io.max", "8:0 rbps=100 wiops=max"))
        .containsExactly(
            new UnitProperty("IOReadBandwidthMax", new Value.DeviceLimit("/dev/block/8:0", 100)),
            new UnitProperty("IOWriteIOPSMax", new Value.DeviceLimit("/dev/block/8:0", -1)));
  }

  @Test
  void filesThatSystemdDoesNotKnowAreLeftAlone() {
    assertThat(unified("hugetlb.2MB.max", "0")).isEmpty();
    assertThat(unified("memory.oom.group", "1")).isEmpty(); // only when a unit is made
  }

  @ParameterizedTest
  @CsvSource({"memory.max, 12x", "cpuset.cpus, 3-1", "cpuset.cpus, 99999", "io.max, 8:0 speed=1"})
  void valuesThatCannotBeAreNamed(String file, String value) {
    assertThatThrownBy(() -> unified(file, value))
        .isInstanceOfSatisfying(
            BerthException.class, e -> assertThat(e.kind()).isEqualTo(Kind.INVALID_ARGUMENT))
        .hasMessageContaining("linux.resources.unified." + file);
  }
}
