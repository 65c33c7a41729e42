package dev.berth.runtime.plan;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import org.junit.jupiter.api.Test;

class EnvironmentTest {
  @Test
  void theValueGivenLastCounts() {
    assertThat(Environment.unique(List.of("PATH=/bin", "A=1", "PATH=/usr/bin", "B=", "A=", "odd")))
        .containsExactly("PATH=/usr/bin", "A=", "B=", "odd");
  }
}
