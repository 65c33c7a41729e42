package dev.berth.e2e;

import java.time.Duration;
import java.util.List;

/** What a run under faults has shown, for people. */
record FaultReport(FaultPlan plan, int pods, FaultLedger ledger) {
  String text() {
    var text = new StringBuilder();
    text.append("seed %d, %d pods: ".formatted(plan.seed(), pods))
        .append("%d faults, %d kills%n".formatted(plan.faults().size(), plan.kills()))
        .append("  restarts until all is listed: " + spread(ledger.restarts()) + "\n");
    ledger.counts().forEach((what, count) -> text.append(row(what, count)));
    ledger.breachCounts().forEach((promise, count) -> text.append(row("broken " + promise, count)));
    ledger.unknownExits().forEach((id, why) -> text.append("  unknown: " + id + ": " + why + "\n"));
    for (var breach : ledger.breaches()) {
      text.append("  " + breach.promise() + ": " + breach.what() + "\n");
    }
    return text.toString();
  }

  private static String row(String what, long count) {
    return "  %-60s %8d%n".formatted(what, count);
  }

  /** Returns median, 99th percentile and maximum of sorted times. */
  static String spread(List<Duration> sorted) {
    if (sorted.isEmpty()) {
      return "none";
    }
    return "%d, p50 %d ms, p99 %d ms, max %d ms"
        .formatted(
            sorted.size(),
            sorted.get(sorted.size() / 2).toMillis(),
            sorted.get((sorted.size() - 1) * 99 / 100).toMillis(),
            sorted.getLast().toMillis());
  }
}
