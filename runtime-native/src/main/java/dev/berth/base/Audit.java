package dev.berth.base;

import static dev.berth.base.BerthException.Kind.CANCELLED;

import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Finds what is there without a record, and recorded without being there.
 *
 * <p>Records and kernel cannot be stopped while they are compared. So what differs is looked at
 * again: an object that is being made or removed is in a different state, or gone, a moment later.
 * And what belongs to a pod or container that an operation works on is not judged at all, since an
 * operation may take minutes.
 *
 * <p>Thread-safe.
 */
public final class Audit {
  private static final List<Duration> PAUSES =
      List.of(
          Duration.ofMillis(50),
          Duration.ofMillis(200),
          Duration.ofMillis(750),
          Duration.ofSeconds(2)); // the kernel takes its time to free the devices of many pods

  private final List<Auditor> auditors;
  private final List<Duration> pauses;

  /** Makes an audit by these auditors. */
  public Audit(List<Auditor> auditors) {
    this(auditors, PAUSES);
  }

  /**
   * @param pauses between looks
   */
  Audit(List<Auditor> auditors, List<Duration> pauses) {
    this.auditors = List.copyOf(auditors);
    this.pauses = List.copyOf(pauses);
  }

  /** Returns the differences that last, in the order of their kinds; empty if all is well. */
  public List<AuditFinding> run(Operation operation) {
    List<AuditFinding> lasting = look(auditors);
    for (Duration pause : pauses) {
      if (lasting.isEmpty()) {
        break;
      }
      pause(operation, pause);
      lasting = confirmed(lasting);
    }
    return lasting.stream().sorted(AuditFinding.ORDER).toList();
  }

  /** Returns what is found again, as it is found now; only the kinds in question are looked at. */
  private List<AuditFinding> confirmed(List<AuditFinding> before) {
    Set<String> kinds = before.stream().map(AuditFinding::kind).collect(Collectors.toSet());
    return look(auditors.stream().filter(one -> kinds.contains(one.kind())).toList()).stream()
        .filter(finding -> before.stream().anyMatch(finding::isAbout))
        .toList();
  }

  private static List<AuditFinding> look(List<Auditor> auditors) {
    Set<String> before = Operation.subjectsOfRunning();
    List<AuditFinding> findings = new ArrayList<>();
    auditors.forEach(auditor -> findings.addAll(look(auditor)));
    Set<String> after = Operation.subjectsOfRunning();
    return findings.stream()
        .filter(finding -> !isBusy(finding, before) && !isBusy(finding, after))
        .toList();
  }

  private static List<AuditFinding> look(Auditor auditor) {
    AuditSheet sheet = new AuditSheet(auditor.kind());
    try {
      auditor.look(sheet);
      return sheet.findings();
    } catch (RuntimeException e) { // whatever it is, the other kinds can be told about
      return List.of(
          new AuditFinding(
              auditor.kind(),
              "",
              AuditFinding.Problem.WRONG,
              "",
              "cannot be looked at: " + (e instanceof BerthException ? e.getMessage() : e)));
    }
  }

  private static boolean isBusy(AuditFinding finding, Set<String> subjects) {
    return !finding.owner().isEmpty()
        && subjects.stream().anyMatch(subject -> subject.startsWith(finding.owner()));
  }

  private static void pause(Operation operation, Duration pause) {
    operation.check();
    try {
      Thread.sleep(operation.remaining(pause));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, operation + ": interrupted", e);
    }
  }
}
