package dev.berth.image;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;

/** Audits the directories of snapshots: each has a record, and each record its directory. */
record SnapshotAuditor(ImageLayout layout, Snapshots snapshots) implements Auditor {
  @Override
  public String kind() {
    return "snapshot directory";
  }

  @Override
  public void look(AuditSheet sheet) {
    ImageLayout.list(layout.snapshots())
        .forEach(
            folder -> sheet.found(folder.toString(), ownerOf(folder.getFileName().toString())));
    for (String key : snapshots.list()) {
      String folder = layout.snapshots().resolve(key).toString();
      sheet.required(folder, ownerOf(key), "snapshot " + key + " has a record");
    }
  }

  /** A key begins with the id of its container. */
  private static String ownerOf(String key) {
    int dash = key.indexOf('-');
    return dash < 0 ? key : key.substring(0, dash);
  }
}
