package dev.berth.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.time.Duration;
import java.util.concurrent.atomic.AtomicInteger;
import org.junit.jupiter.api.Test;

class OperationTest {
  private enum Stage {
    PIPES,
    OUTPUT
  }

  @Test
  void cancellationIsHonouredAtTheNextStageAndNamesIt() {
    Operation operation = Operation.internal("ExecSync");
    operation.enter(Stage.PIPES);
    operation.cancel();

    assertThatThrownBy(() -> operation.enter(Stage.OUTPUT))
        .isInstanceOf(BerthException.class)
        .hasMessage("ExecSync at output: cancelled by the caller");
  }

  @Test
  void deadlineThatHasPassedNamesTheStage() {
    Operation operation = Operation.start("ExecSync", Duration.ZERO, null);

    assertThatThrownBy(() -> operation.enter(Stage.PIPES))
        .isInstanceOf(BerthException.class)
        .hasMessage("ExecSync at pipes: deadline exceeded");
    assertThat(operation.remaining(Duration.ofSeconds(5))).isZero();
  }

  @Test
  void actionsRunOnceWhenItIsCancelled() {
    Operation operation = Operation.internal("ExecSync");
    var runs = new AtomicInteger();
    operation.onCancel(runs::incrementAndGet);
    operation.cancel();
    operation.cancel();
    operation.onCancel(runs::incrementAndGet);

    assertThat(runs).hasValue(2);
  }

  @Test
  void listedOperationTellsWhatItIsDoing() {
    Operation operation = Operation.start("ExecSync", Duration.ofMinutes(1), null);
    assertThat(Operation.running()).doesNotContain(operation);
    try (var _ = operation.listed()) {
      operation.concerns("0123", "main");
      operation.enter(Stage.OUTPUT);
      assertThat(Operation.running()).contains(operation);
      assertThat(operation.stageName()).isEqualTo("output");
      assertThat(operation.subjects()).containsExactly(new Operation.Subject("0123", "main"));
      assertThat(operation.stageAge()).isLessThanOrEqualTo(operation.age());
      assertThat(operation.timeLeft()).get().satisfies(left -> assertThat(left).isPositive());
    }
    assertThat(Operation.running()).doesNotContain(operation);
  }

  @Test
  void whoWaitsForAnotherOperationIsAtItsStage() {
    Operation work = Operation.internal("PullImage");
    Operation caller = Operation.start("PullImage", Duration.ZERO, null);
    caller.follow(work);
    work.concerns("busybox", "");
    work.enter(Stage.PIPES);

    assertThat(caller.stageName()).isEqualTo("pipes");
    assertThat(caller.subjects()).isEqualTo(work.subjects());
    assertThatThrownBy(caller::check).hasMessage("PullImage at pipes: deadline exceeded");
  }

  @Test
  void timingsNameEveryStageInOrder() {
    Operation operation = Operation.internal("ExecSync");
    assertThat(operation.timings()).matches("\\d+\\.\\d ms");

    operation.enter(Stage.PIPES);
    operation.enter(Stage.OUTPUT);

    assertThat(operation.timings())
        .matches("\\d+\\.\\d ms \\(pipes \\d+\\.\\d, output \\d+\\.\\d\\)");
  }
}
