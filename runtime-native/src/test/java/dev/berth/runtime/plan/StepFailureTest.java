package dev.berth.runtime.plan;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Errno;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class StepFailureTest {
  @ParameterizedTest
  @CsvSource({
    "ENOTDIR, INVALID_ARGUMENT",
    "ELOOP, INVALID_ARGUMENT",
    "ENAMETOOLONG, INVALID_ARGUMENT",
    "EPERM, INTERNAL",
  })
  void aPathThatLeadsNowhereIsTheCallersMistake(Errno errno, BerthException.Kind kind) {
    var failure =
        new StepFailure(StepFailure.Kind.CALL, "process.cwd", "openat2 \"/dev/null\"", "");

    BerthException explained = failure.explain(errno.number());

    assertThat(explained.kind()).isEqualTo(kind);
    assertThat(explained)
        .hasMessageStartingWith("process.cwd: openat2 \"/dev/null\": " + errno.name());
  }
}
