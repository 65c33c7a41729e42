package dev.berth.sandbox;

import dev.berth.base.AuditSheet;
import dev.berth.base.Auditor;
import dev.berth.runtime.kernel.MountPoints;
import java.nio.file.Path;
import java.util.HashSet;
import java.util.Set;

/**
 * Audits what is mounted below the state directory: pinned namespaces and the memory of pods, image
 * volumes, and the roots that shims mount which are not Berth's.
 */
final class MountAuditor implements Auditor {
  private final PodPaths paths;
  private final PodNamespaces namespaces;
  private final PodFiles files;
  private final RecordView records;

  MountAuditor(PodPaths paths, PodNamespaces namespaces, PodFiles files, RecordView records) {
    this.paths = paths;
    this.namespaces = namespaces;
    this.files = files;
    this.records = records;
  }

  @Override
  public String kind() {
    return "mount";
  }

  @Override
  public void look(AuditSheet sheet) {
    Path state = paths.state();
    for (Path point : MountPoints.below(state)) {
      Path relative = state.relativize(point);
      sheet.found(
          point.toString(), relative.getNameCount() > 1 ? relative.getName(1).toString() : "");
    }
    records.sandboxes().forEach(sandbox -> enter(sandbox, sheet));
    records.containers().forEach(container -> enter(container, sheet));
  }

  private void enter(SandboxRecord sandbox, AuditSheet sheet) {
    Set<Path> mounts = new HashSet<>(namespaces.pins(sandbox.id(), sandbox.config()));
    mounts.addAll(files.mounts(sandbox.id(), sandbox.config()));
    for (Path mount : mounts) {
      if (records.isReady(sandbox)) {
        sheet.required(mount.toString(), sandbox.id(), RecordView.saysReady(sandbox));
      } else if (records.isHeld(sandbox)) {
        sheet.allowed(mount.toString());
      }
    }
    sheet.allowed(paths.rootfs(sandbox.id()).toString());
  }

  private void enter(ContainerRecord container, AuditSheet sheet) {
    sheet.allowed(paths.rootfs(container.id()).toString());
    for (Path volume : ImageVolumes.mounts(paths, container)) {
      if (records.isActive(container)) {
        sheet.required(volume.toString(), container.id(), RecordView.saysActive(container));
      } else {
        sheet.allowed(volume.toString());
      }
    }
  }
}
