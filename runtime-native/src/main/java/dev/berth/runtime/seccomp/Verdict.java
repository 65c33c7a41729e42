package dev.berth.runtime.seccomp;

import java.util.List;

/**
 * What becomes of a call once its number is known: the action of the first rule whose conditions
 * all hold, else {@code otherwise}.
 */
record Verdict(List<Rule> rules, Action otherwise) {
  Verdict {
    rules = List.copyOf(rules);
  }

  /** An action taken when all conditions hold; there is at least one. */
  record Rule(List<Condition> conditions, Action action) {
    Rule {
      conditions = List.copyOf(conditions);
      if (conditions.isEmpty()) {
        throw new IllegalArgumentException("a rule without conditions is the verdict itself");
      }
    }
  }

  /** A verdict that no argument changes. */
  static Verdict always(Action action) {
    return new Verdict(List.of(), action);
  }
}
