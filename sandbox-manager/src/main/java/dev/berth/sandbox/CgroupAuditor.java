package dev.berth.sandbox;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import dev.berth.runtime.cgroup.CgroupPath;
import java.nio.file.Files;
import java.util.List;
import java.util.stream.Stream;

/**
 * Audits the cgroups of containers, of pods that are named no parent, and of the shim. A group
 * counts once, in however many hierarchies of version 1 it is.
 */
final class CgroupAuditor implements Auditor {
  private final CgroupParents parents;
  private final RecordView records;
  private final RecordStore store;
  private final String shim;

  /**
   * @param shim cgroup of the shim, as a path or a scope of systemd
   */
  CgroupAuditor(CgroupParents parents, RecordView records, RecordStore store, String shim) {
    this.parents = parents;
    this.records = records;
    this.store = store;
    this.shim = CgroupPath.parse(shim).toString();
  }

  @Override
  public String kind() {
    return "cgroup";
  }

  @Override
  public void look(AuditSheet sheet) {
    List<SandboxRecord> sandboxes = records.sandboxes();
    parents.find(sandboxes, sheet);
    if (isThere(shim)) {
      sheet.found(shim, "", "no record has a shim");
    }
    if (!store.shimOwners().isEmpty()) {
      sheet.allowed(shim);
    }
    sandboxes.forEach(sandbox -> enter(sandbox, sheet));
    records.containers().forEach(container -> enter(container, sheet));
  }

  private void enter(SandboxRecord sandbox, AuditSheet sheet) {
    sheet.allowed(parents.podCgroup(sandbox));
    if (PodPause.isNeeded(sandbox)) {
      enter(
          parents.cgroupOf(sandbox, sandbox.id()),
          sandbox.id(),
          records.isReady(sandbox),
          RecordView.saysReady(sandbox),
          sheet);
    }
  }

  private void enter(ContainerRecord container, AuditSheet sheet) {
    enter(
        container.cgroup(),
        container.id(),
        records.isActive(container),
        RecordView.saysActive(container),
        sheet);
  }

  private static void enter(
      String cgroup, String owner, boolean mustBeThere, String reason, AuditSheet sheet) {
    String path = CgroupPath.parse(cgroup).toString();
    if (mustBeThere) {
      sheet.required(path, owner, reason);
      if (isThere(path)) { // it may be where a plugin wanted it, where nobody else would look
        sheet.found(path, owner);
      }
    } else {
      sheet.allowed(path);
    }
  }

  private static boolean isThere(String path) {
    String relative = path.substring(1);
    return Stream.concat(
            Stream.of(CgroupParents.ROOT), DirectoryAuditor.list(CgroupParents.ROOT).stream())
        .anyMatch(hierarchy -> Files.isDirectory(hierarchy.resolve(relative)));
  }
}
