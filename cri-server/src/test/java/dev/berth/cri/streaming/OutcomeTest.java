package dev.berth.cri.streaming;

import static org.assertj.core.api.Assertions.assertThat;

import org.junit.jupiter.api.Test;

class OutcomeTest {
  @Test
  void successIsAStatusSinceV4AndNothingBefore() {
    Outcome outcome = new Outcome.Exited(0);
    assertThat(outcome.told(StreamVersion.V5))
        .isEqualTo("{\"metadata\":{},\"status\":\"Success\"}");
    assertThat(outcome.told(StreamVersion.V3)).isEmpty();
  }

  @Test
  void exitCodeIsACauseSinceV4AndTextBefore() {
    Outcome outcome = new Outcome.Exited(3);
    assertThat(outcome.told(StreamVersion.V4))
        .contains(
            "\"status\":\"Failure\"",
            "\"reason\":\"NonZeroExitCode\"",
            "\"details\":{\"causes\":[{\"reason\":\"ExitCode\",\"message\":\"3\"}]}");
    assertThat(outcome.told(StreamVersion.V1))
        .isEqualTo("command terminated with non-zero exit code: exit status 3");
  }

  @Test
  void failureIsAnInternalErrorWithItsMessage() {
    Outcome outcome = new Outcome.Failed("no such \"program\"");
    assertThat(outcome.told(StreamVersion.V4))
        .contains("no such \\\"program\\\"", "\"reason\":\"InternalError\"", "\"code\":500");
    assertThat(outcome.told(StreamVersion.V2)).isEqualTo("no such \"program\"");
  }
}
