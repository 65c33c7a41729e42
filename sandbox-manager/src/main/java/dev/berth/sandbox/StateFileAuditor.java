package dev.berth.sandbox;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import java.nio.file.Path;
import java.util.List;

/**
 * Audits the state directory itself: whatever is in it has a use. Sockets and locks are named by
 * the configuration.
 */
record StateFileAuditor(PodPaths paths) implements Auditor {
  /** Others audit what is in these, or it is the business of the programs that shims call. */
  private static final List<String> DIRECTORIES =
      List.of("runc", "sandboxes", "shim", "tasks", "volumes");

  @Override
  public String kind() {
    return "state file";
  }

  @Override
  public void look(AuditSheet sheet) {
    for (Path file : DirectoryAuditor.list(paths.state())) {
      sheet.found(file.toString(), "", "Berth has no such file");
      String name = file.getFileName().toString();
      if (name.endsWith(".sock") || name.endsWith(".lock") || DIRECTORIES.contains(name)) {
        sheet.allowed(file.toString());
      }
    }
    sheet.required(paths.eventsSocket().toString(), "", "shims tell their events there");
  }
}
