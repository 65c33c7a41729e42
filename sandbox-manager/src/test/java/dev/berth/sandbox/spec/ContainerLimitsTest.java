package dev.berth.sandbox.spec;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.HugepageLimit;
import dev.berth.proto.cri.v1.LinuxContainerResources;
import org.junit.jupiter.api.Test;

class ContainerLimitsTest {
  private static final LinuxContainerResources BEFORE =
      LinuxContainerResources.newBuilder()
          .setCpuShares(512)
          .setMemoryLimitInBytes(1 << 20)
          .addHugepageLimits(HugepageLimit.newBuilder().setPageSize("2MB").setLimit(4))
          .putUnified("memory.high", "1000")
          .build();

  @Test
  void whatAChangeDoesNotSayStaysAsItWas() {
    var change = LinuxContainerResources.newBuilder().setCpusetCpus("0").build();

    assertThat(ContainerLimits.merge(BEFORE, change))
        .isEqualTo(BEFORE.toBuilder().setCpusetCpus("0").build());
  }

  @Test
  void undoOfAChangeHasTheOldValuesAndNoLimitWhereThereWasNone() {
    var change = LinuxContainerResources.newBuilder().setCpuShares(99).setCpuQuota(5).build();
    assertThat(ContainerLimits.undo(BEFORE, change))
        .isEqualTo(BEFORE.toBuilder().setCpuQuota(-1).build());

    var memory = LinuxContainerResources.newBuilder().setMemoryLimitInBytes(7).build();
    assertThat(
            ContainerLimits.undo(LinuxContainerResources.getDefaultInstance(), memory)
                .getMemoryLimitInBytes())
        .isEqualTo(-1);
  }

  @Test
  void listsAreReplacedAndMapsAreJoined() {
    var limit = HugepageLimit.newBuilder().setPageSize("2MB").setLimit(8).build();
    var change =
        LinuxContainerResources.newBuilder()
            .addHugepageLimits(limit)
            .putUnified("memory.min", "5")
            .build();

    LinuxContainerResources merged = ContainerLimits.merge(BEFORE, change);
    assertThat(merged.getHugepageLimitsList()).containsExactly(limit);
    assertThat(merged.getUnifiedMap()).containsOnlyKeys("memory.high", "memory.min");
  }

  @Test
  void memoryThatNoProcessStartsWithIsRefused() {
    for (long limit : new long[] {-1, 0, 1 << 20}) {
      ContainerLimits.requireMemoryToStart(
          LinuxContainerResources.newBuilder().setMemoryLimitInBytes(limit).build());
    }
    var little = LinuxContainerResources.newBuilder().setMemoryLimitInBytes(65_536).build();
    assertThatThrownBy(() -> ContainerLimits.requireMemoryToStart(little))
        .isInstanceOf(BerthException.class)
        .hasMessage(
            "resources.memory_limit_in_bytes 65536 is less than the 1048576 that a process takes"
                + " to start");
  }
}
