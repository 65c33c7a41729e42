package dev.berth.runtime;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SignalsTest {
  @ParameterizedTest
  @CsvSource({
    "SIGTERM,15",
    "TERM,15",
    "sigterm,15",
    "15,15",
    "SIGHUP,1",
    "SIGKILL,9",
    "SIGSYS,31",
    "SIGRTMIN,34",
    "RTMIN+3,37",
    "SIGRTMIN+1,35",
    "SIGRTMAX,64",
    "SIGRTMAX-2,62",
    "64,64"
  })
  void signalIsReadByNameOrNumber(String text, int number) {
    assertThat(Signals.parse(text)).isEqualTo(number);
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "",
        "SIG",
        "0",
        "65",
        "-1",
        "999",
        "1000",
        "SIGNOPE",
        "SIGRTMIN-1",
        "SIGRTMAX+1",
        "SIGRTMIN+31",
        "SIGRTMIN+",
        "15 ",
        "SIGTERM\n",
        "SIGSIGTERM"
      })
  void anythingElseIsRefused(String text) {
    assertThatThrownBy(() -> Signals.parse(text))
        .isInstanceOf(BerthException.class)
        .hasMessageEndingWith("not a signal");
  }
}
