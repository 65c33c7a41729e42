package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class StartCommandTest {
  private static final String ADDRESS = "unix:///run/berth/shim/0/s";

  @Test
  void runtimesOfOldGetTheBareAddress() {
    assertThat(StartCommand.answer(ADDRESS, null)).isEqualTo(ADDRESS);
    assertThat(StartCommand.answer(ADDRESS, "")).isEqualTo(ADDRESS);
  }

  @Test
  void newerOnesGetJsonOfTheVersionTheyTake() {
    assertThat(StartCommand.answer(ADDRESS, "2")).contains("\"version\":2").contains(ADDRESS);
    assertThat(StartCommand.answer(ADDRESS, "9"))
        .isEqualTo(
            "{\"version\":3,\"address\":\""
                + ADDRESS
                + "\",\"protocol\":\"ttrpc\",\"metadata\":{\"dev.berth.shim.adopts-tasks\":\"true\"}}");
  }
}
