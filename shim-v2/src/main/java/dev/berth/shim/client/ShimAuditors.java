package dev.berth.shim.client;

import dev.berth.base.Auditor;
import java.nio.file.Path;
import java.util.List;

/** The auditors of what shims make. */
public final class ShimAuditors {
  private ShimAuditors() {}

  /**
   * Returns those of a runtime's shims.
   *
   * @param view what its records say
   */
  public static List<Auditor> of(ShimSettings settings, TaskView view) {
    Path directories = settings.eventsSocket().resolveSibling("shim");
    return List.of(
        new TaskDirectoryAuditor(directories, view),
        new ProcessAuditor(settings, directories, view));
  }
}
