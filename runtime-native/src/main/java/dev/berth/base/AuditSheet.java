package dev.berth.base;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * What one {@link Auditor} has seen in one look: on one side what is there, on the other what the
 * records say. Objects are told apart by their names. Not thread-safe.
 */
public final class AuditSheet {
  private static final String NO_RECORD = "no record has it";

  private final String kind;
  private final Map<String, Seen> present = new HashMap<>();
  private final Map<String, Seen> required = new HashMap<>();
  private final Set<String> allowed = new HashSet<>();
  private final List<AuditFinding> wrong = new ArrayList<>();

  /** Whose something is, and what is to be said of it. */
  private record Seen(String owner, String reason) {}

  /** Makes an empty sheet for objects of a kind. */
  public AuditSheet(String kind) {
    this.kind = kind;
  }

  /**
   * Enters something that is there.
   *
   * @param owner id of the pod or container it seems to belong to, or the beginning of one; empty
   *     if that cannot be told
   */
  public void found(String name, String owner) {
    found(name, owner, NO_RECORD);
  }

  /**
   * Enters something that is there.
   *
   * @param ifLeaked what to say if no record has it
   */
  public void found(String name, String owner, String ifLeaked) {
    present.put(name, new Seen(owner, ifLeaked));
  }

  /**
   * Enters what a record says must be there.
   *
   * @param owner id of the pod or container whose record it is; empty for none
   * @param ifMissing what to say if it is not there
   */
  public void required(String name, String owner, String ifMissing) {
    required.put(name, new Seen(owner, ifMissing));
  }

  /** Enters what a record explains, whether it is there or not. */
  public void allowed(String name) {
    allowed.add(name);
  }

  /**
   * Enters something that is there, as it should be, but wrong.
   *
   * @param owner id of the pod or container it belongs to; empty for none
   */
  public void wrong(String name, String owner, String reason) {
    wrong.add(new AuditFinding(kind, name, AuditFinding.Problem.WRONG, owner, reason));
  }

  /** Returns the difference between the two sides. */
  List<AuditFinding> findings() {
    List<AuditFinding> findings = new ArrayList<>(wrong);
    present.forEach((name, seen) -> {
      if (!allowed.contains(name) && !required.containsKey(name)) {
        findings.add(finding(name, AuditFinding.Problem.LEAKED, seen));
      }
    });
    required.forEach((name, seen) -> {
      if (!present.containsKey(name)) {
        findings.add(finding(name, AuditFinding.Problem.MISSING, seen));
      }
    });
    return findings;
  }

  private AuditFinding finding(String name, AuditFinding.Problem problem, Seen seen) {
    return new AuditFinding(kind, name, problem, seen.owner, seen.reason);
  }
}
