package dev.berth.sandbox;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import java.nio.file.Files;
import java.nio.file.Path;

/** Audits the first processes of the containers that run: each is there. */
record ContainerProcessAuditor(RecordView records) implements Auditor {
  @Override
  public String kind() {
    return "container process";
  }

  @Override
  public void look(AuditSheet sheet) {
    for (ContainerRecord container : records.containers()) {
      if (records.isActive(container)
          && container.state() instanceof ContainerState.Running(var _, var _, int pid)) {
        String name = Integer.toString(pid);
        sheet.required(name, container.id(), RecordView.saysActive(container));
        if (Files.exists(Path.of("/proc", name))) {
          sheet.found(name, container.id());
        }
      }
    }
  }
}
