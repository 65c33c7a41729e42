package dev.berth.sandbox;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import dev.berth.sandbox.cni.Networks;
import java.util.List;

/**
 * Audits the results of attachments that CNI's cache has: each of this instance's is that of a
 * sandbox which is attached. The cache is for others to read, so none must be there.
 */
record CniResultAuditor(List<Networks> networks, PodPaths paths, RecordView records)
    implements Auditor {
  @Override
  public String kind() {
    return "cni result";
  }

  @Override
  public void look(AuditSheet sheet) {
    networks.stream()
        .flatMap(one -> one.cached().stream())
        .filter(cached -> cached.netns().startsWith(paths.state() + "/"))
        .forEach(cached ->
            sheet.found(cached.file().toString(), cached.containerId(), "no sandbox is attached"));
    for (SandboxRecord sandbox : records.sandboxes()) {
      if (records.isHeld(sandbox)) {
        networks.stream()
            .flatMap(one -> one.cached().stream())
            .filter(cached -> cached.containerId().equals(sandbox.id()))
            .forEach(cached -> sheet.allowed(cached.file().toString()));
      }
    }
  }
}
