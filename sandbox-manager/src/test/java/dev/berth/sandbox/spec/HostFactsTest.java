package dev.berth.sandbox.spec;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.proto.cri.v1.Capability;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;

class HostFactsTest {
  @Test
  @RequiresRoot
  void capabilitiesAreThoseOfThisProcess() throws IOException {
    String effective =
        Files.readAllLines(Path.of("/proc/self/status")).stream()
            .filter(line -> line.startsWith("CapEff:"))
            .map(line -> line.substring("CapEff:".length()).strip())
            .findFirst()
            .orElseThrow();

    assertThat(HostFacts.read().capabilities())
        .isEqualTo(Long.parseLong(effective, 16))
        .isNotZero();
  }

  @Test
  void whatTheNodeLacksIsLeftOut() {
    long withoutKill = (1L << 41) - 1 & ~(1L << 5);
    var more = Capability.newBuilder().addAddCapabilities("SYS_ADMIN").build();
    var every = Capability.newBuilder().addAddCapabilities("ALL").build();

    assertThat(ContainerCapabilities.of(more, withoutKill))
        .contains("CAP_SYS_ADMIN", "CAP_CHOWN")
        .doesNotContain("CAP_KILL");
    assertThat(ContainerCapabilities.of(every, withoutKill)).hasSize(40);
    assertThat(ContainerCapabilities.all(0b11)).isEqualTo(List.of("CAP_CHOWN", "CAP_DAC_OVERRIDE"));
  }
}
