package dev.berth.base;

import java.util.Comparator;

/**
 * One difference between what is there and what the records say.
 *
 * @param kind what it is: {@code "cgroup"}
 * @param name which one: a path as a rule
 * @param owner id of the pod or container it belongs to, or the beginning of one; empty if that
 *     cannot be told
 * @param reason for people
 */
public record AuditFinding(String kind, String name, Problem problem, String owner, String reason) {
  /** In which an audit tells of them. */
  static final Comparator<AuditFinding> ORDER =
      Comparator.comparing(AuditFinding::kind)
          .thenComparing(AuditFinding::problem)
          .thenComparing(AuditFinding::name);

  /** In which direction they differ. */
  public enum Problem {
    /** It is there and no record has it. */
    LEAKED,
    /** A record has it and it is not there. */
    MISSING,
    /** It is there and recorded, but not as it should be. */
    WRONG
  }

  /** Tells whether both are of the same thing, whatever is said of it. */
  boolean isAbout(AuditFinding other) {
    return problem == other.problem && kind.equals(other.kind) && name.equals(other.name);
  }
}
