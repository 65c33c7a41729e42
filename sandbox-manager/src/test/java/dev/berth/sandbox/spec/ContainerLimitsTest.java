package dev.berth.sandbox.spec;

import static org.assertj.core.api.Assertions.assertThat;

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
}
