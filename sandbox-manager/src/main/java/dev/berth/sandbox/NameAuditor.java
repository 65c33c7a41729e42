package dev.berth.sandbox;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;

/** Audits the names that are taken: each is that of a record. */
record NameAuditor(Registry registry, RecordView records) implements Auditor {
  @Override
  public String kind() {
    return "name";
  }

  @Override
  public void look(AuditSheet sheet) {
    registry
        .sandboxNames
        .owners()
        .forEach((name, id) -> sheet.found("sandbox " + name + " of " + id, id));
    registry
        .containerNames
        .owners()
        .forEach((name, id) -> sheet.found("container " + name + " of " + id, id));
    for (SandboxRecord sandbox : records.sandboxes()) {
      sheet.required(
          "sandbox " + sandbox.name() + " of " + sandbox.id(), sandbox.id(), "its record has it");
    }
    for (ContainerRecord container : records.containers()) {
      sheet.required(
          "container " + container.name() + " of " + container.id(),
          container.id(),
          "its record has it");
    }
  }
}
