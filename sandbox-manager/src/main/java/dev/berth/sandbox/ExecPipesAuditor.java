package dev.berth.sandbox;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import java.nio.file.Path;

/**
 * Audits the pipes of streamed commands. No record has them: they are there as long as the
 * operation that has the command's id.
 */
record ExecPipesAuditor(PodPaths paths) implements Auditor {
  @Override
  public String kind() {
    return "exec pipes";
  }

  @Override
  public void look(AuditSheet sheet) {
    for (Path bundle : DirectoryAuditor.list(paths.bundles())) {
      for (Path entry : DirectoryAuditor.list(bundle)) {
        String name = entry.getFileName().toString();
        if (name.startsWith(PodPaths.EXEC_PREFIX)) {
          String execId = name.substring(PodPaths.EXEC_PREFIX.length());
          sheet.found(entry.toString(), execId, "no command runs that has them");
        }
      }
    }
  }
}
