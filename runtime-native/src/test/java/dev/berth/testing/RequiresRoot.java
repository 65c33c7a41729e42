package dev.berth.testing;

import java.io.IOException;
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

/** Marks a test that touches the kernel as root; without root it is skipped, and says so. */
@Tag("root")
@Target({ElementType.TYPE, ElementType.METHOD})
@Retention(RetentionPolicy.RUNTIME)
@ExtendWith(RequiresRoot.Condition.class)
public @interface RequiresRoot {
  /** Reads the effective uid where no native code is needed: from the owner of /proc/self. */
  final class Condition implements ExecutionCondition {
    @Override
    public ConditionEvaluationResult evaluateExecutionCondition(ExtensionContext context) {
      try {
        Object uid = Files.getAttribute(Path.of("/proc/self"), "unix:uid");
        return uid.equals(0)
            ? ConditionEvaluationResult.enabled("running as root")
            : ConditionEvaluationResult.disabled("needs root, running as uid " + uid);
      } catch (IOException e) {
        return ConditionEvaluationResult.disabled("needs root, and /proc/self is unreadable: " + e);
      }
    }
  }
}
