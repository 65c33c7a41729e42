package dev.berth.sandbox;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import java.util.HashSet;
import java.util.Set;

/**
 * Audits the records among themselves: each has its owner, each is known to this process and the
 * reverse, and none had to be set aside because it cannot be read.
 */
final class RecordAuditor implements Auditor {
  private final RecordStore store;
  private final RecordView records;
  private final Registry registry;
  private final Set<String> handlers;

  /**
   * @param handlers names of all there are
   */
  RecordAuditor(RecordStore store, RecordView records, Registry registry, Set<String> handlers) {
    this.store = store;
    this.records = records;
    this.registry = registry;
    this.handlers = Set.copyOf(handlers);
  }

  @Override
  public String kind() {
    return "record";
  }

  @Override
  public void look(AuditSheet sheet) {
    Set<String> owners = new HashSet<>(handlers);
    for (SandboxRecord sandbox : records.sandboxes()) {
      owners.add(sandbox.id());
      sheet.found("sandbox " + sandbox.id(), sandbox.id(), "this process does not know it");
    }
    for (ContainerRecord container : records.containers()) {
      owners.add(container.id());
      sheet.found("container " + container.id(), container.id(), "this process does not know it");
      if (!owners.contains(container.sandboxId())) {
        sheet.wrong("container " + container.id(), container.id(), "its sandbox has no record");
      }
    }
    for (String owner : store.shimOwners()) {
      sheet.found("shim of " + owner, owner, "its container has no record");
    }
    owners.forEach(owner -> sheet.allowed("shim of " + owner));
    requireKnown(sheet);
    store
        .quarantined()
        .forEach((name, reason) -> sheet.wrong(name, "", "set aside unread: " + reason));
  }

  private void requireKnown(AuditSheet sheet) {
    String reason = "this process knows it, and no record has it";
    registry
        .sandboxes
        .all()
        .forEach(one -> sheet.required("sandbox " + one.id(), one.id(), reason));
    registry
        .containers
        .all()
        .forEach(one -> sheet.required("container " + one.id(), one.id(), reason));
  }
}
