package dev.berth.cri.cli;

import dev.berth.proto.berth.v1.AuditRequest;
import dev.berth.proto.berth.v1.Finding;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Option;

/** {@code berth audit}. */
@Command(
    name = "audit",
    description = {
      "Compares what this instance has made (namespaces, mounts, cgroups, links, addresses,",
      "processes, directories) with its records, and prints what differs, a line each.",
      "Exit code 1 if something does."
    })
final class AuditCommand extends CriCommand {
  @Option(names = "--json", description = "print lines of JSON")
  private boolean json;

  @Override
  int run(CriClient cri) {
    List<Finding> findings = new ArrayList<>();
    cri.node()
        .audit(AuditRequest.getDefaultInstance())
        .forEachRemaining(part -> findings.addAll(part.getFindingsList()));
    if (json) {
      findings.forEach(finding -> Json.line(out(), json(finding)));
    } else if (!findings.isEmpty()) {
      printTable(findings);
    }
    return findings.isEmpty() ? OK : CommandLine.ExitCode.SOFTWARE;
  }

  private void printTable(List<Finding> findings) {
    Table table = new Table("PROBLEM", "KIND", "NAME", "REASON");
    for (Finding finding : findings) {
      table.row(finding.getProblem(), finding.getKind(), finding.getName(), finding.getReason());
    }
    table.print(out());
  }

  private static Map<String, Object> json(Finding finding) {
    Map<String, Object> json = new LinkedHashMap<>();
    json.put("problem", finding.getProblem());
    json.put("kind", finding.getKind());
    json.put("name", finding.getName());
    json.put("owner", finding.getOwner());
    json.put("reason", finding.getReason());
    return json;
  }
}
