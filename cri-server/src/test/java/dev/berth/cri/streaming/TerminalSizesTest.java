package dev.berth.cri.streaming;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class TerminalSizesTest {
  private final TerminalSizes sizes = new TerminalSizes();

  private void add(String text) {
    sizes.add(text.getBytes(UTF_8));
  }

  @Test
  void sizesMayBeCutAnywhereAndTheLastCounts() {
    add("{\"Width\":80,\"Hei");
    assertThat(sizes.take()).isEmpty();
    add("ght\":24}\n{\"Width\":100,\"Height\":50}{\"Wid");
    assertThat(sizes.take()).contains(new TerminalSizes.Size(100, 50));
    assertThat(sizes.take()).isEmpty();
    add("th\":1,\"Height\":2}");
    assertThat(sizes.take()).contains(new TerminalSizes.Size(1, 2));
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "}",
        "{}",
        "{\"Width\":80}",
        "{\"Width\":0,\"Height\":24}",
        "{\"Width\":-1,\"Height\":24}",
        "{\"Width\":70000,\"Height\":24}",
        "{\"Width\":\"x\",\"Height\":24}",
        "null}",
        "[1,2}",
      })
  void whatIsNoSizeIsPassedOver(String text) {
    add(text);
    assertThat(sizes.take()).isEmpty();
    add("{\"Width\":80,\"Height\":24}");
    assertThat(sizes.take()).contains(new TerminalSizes.Size(80, 24));
  }

  @Test
  void endlessTextIsNotKept() {
    add("x".repeat(100_000));
    add("{\"Width\":80,\"Height\":24}");
    assertThat(sizes.take()).contains(new TerminalSizes.Size(80, 24));
  }
}
