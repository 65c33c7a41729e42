package dev.berth.testing;

import java.lang.annotation.ElementType;
import java.lang.annotation.Retention;
import java.lang.annotation.RetentionPolicy;
import java.lang.annotation.Target;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.extension.ConditionEvaluationResult;
import org.junit.jupiter.api.extension.ExecutionCondition;
import org.junit.jupiter.api.extension.ExtendWith;
import org.junit.jupiter.api.extension.ExtensionContext;

/** Marks a test that asks the host's systemd for units; skipped, with its reason, without it. */
@Tag("systemd")
@RequiresRoot
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(RequiresSystemd.Condition.class)
public @interface RequiresSystemd {
  /** As sd_booted(3) does. */
  final class Condition implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      return Files.isDirectory(Path.of("/run/systemd/system"))
          ? ConditionEvaluationResult.enabled("systemd runs this host")
          : ConditionEvaluationResult.disabled("needs a host that systemd runs");
    }
  }
}
