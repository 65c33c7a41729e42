package dev.berth.base;

import static org.assertj.core.api.Assertions.assertThat;

import java.time.Duration;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.Consumer;
import org.junit.jupiter.api.Test;

class AuditTest {
  private static final Operation OPERATION = Operation.internal("test");

  private static final List<Duration> SHORT = List.of(Duration.ofMillis(1), Duration.ofMillis(1));

  private static Auditor of(Consumer<AuditSheet> look) {
    return new Auditor() {
      @Override
      public String kind() {
        return "thing";
      }

      @Override
      public void look(AuditSheet sheet) {
        look.accept(sheet);
      }
    };
  }

  private static List<AuditFinding> run(Consumer<AuditSheet> look) {
    return new Audit(List.of(of(look)), SHORT).run(OPERATION);
  }

  @Test
  void differencesAreFoundInBothDirections() {
    assertThat(
            run(sheet -> {
              sheet.found("stray", "a", "nobody knows it");
              sheet.found("here", "b");
              sheet.found("maybe", "c");
              sheet.required("here", "b", "");
              sheet.required("gone", "d", "its record says so");
              sheet.allowed("maybe");
              sheet.allowed("also-gone");
              sheet.wrong("bent", "e", "it is bent");
            }))
        .containsExactly(
            finding("stray", AuditFinding.Problem.LEAKED, "a", "nobody knows it"),
            finding("gone", AuditFinding.Problem.MISSING, "d", "its record says so"),
            finding("bent", AuditFinding.Problem.WRONG, "e", "it is bent"));
  }

  private static AuditFinding finding(
      String name, AuditFinding.Problem problem, String owner, String reason) {
    return new AuditFinding("thing", name, problem, owner, reason);
  }

  @Test
  void whatIsGoneAtTheNextLookIsNoLeak() {
    var looks = new AtomicInteger();
    assertThat(
            run(sheet -> {
              if (looks.incrementAndGet() == 1) {
                sheet.found("passing", "");
              } else {
                sheet.found("next", "");
              }
            }))
        .isEmpty();
    assertThat(looks).hasValue(2);
  }

  @Test
  void whatAnOperationWorksOnIsNotJudged() {
    Operation operation = Operation.internal("RemovePodSandbox");
    operation.concerns("0123456789", "");
    try (var _ = operation.listed()) {
      assertThat(run(sheet -> sheet.found("link", "0123"))).isEmpty();
      assertThat(run(sheet -> sheet.found("link", "4567"))).hasSize(1);
      assertThat(run(sheet -> sheet.found("link", ""))).hasSize(1);
    }
    assertThat(run(sheet -> sheet.found("link", "0123"))).hasSize(1);
  }

  @Test
  void kindThatCannotBeLookedAtIsToldAndHidesNoOther() {
    Auditor broken =
        of(_ -> {
          throw new BerthException(BerthException.Kind.INTERNAL, "no such table");
        });
    Auditor other = of(sheet -> sheet.found("stray", ""));
    assertThat(new Audit(List.of(broken, other), SHORT).run(OPERATION))
        .extracting(AuditFinding::reason)
        .containsExactly("no record has it", "cannot be looked at: no such table");
  }
}
