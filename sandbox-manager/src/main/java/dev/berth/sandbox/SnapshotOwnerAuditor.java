package dev.berth.sandbox;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;

/** Audits the snapshots: each belongs to a container, and each container has its own. */
record SnapshotOwnerAuditor(ContainerImages images, RecordView records) implements Auditor {
  @Override
  public String kind() {
    return "snapshot";
  }

  @Override
  public void look(AuditSheet sheet) {
    images.snapshots().forEach(key -> sheet.found(key, ownerOf(key), "no container has it"));
    for (ContainerRecord container : records.containers()) {
      sheet.required(container.snapshotKey(), container.id(), "its container has a record");
      ImageVolumes.keys(container)
          .forEach(key -> sheet.required(key, container.id(), "its container has a record"));
    }
  }

  /** A key begins with the id of its container. */
  private static String ownerOf(String key) {
    int dash = key.indexOf('-');
    return dash < 0 ? key : key.substring(0, dash);
  }
}
