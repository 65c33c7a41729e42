package dev.berth.sandbox;

import java.util.List;

/**
 * What pods and containers use. Every answer is read from the kernel when it is asked for, except
 * for the writable layers, which are measured in the background.
 *
 * <p>Thread-safe. Until recovery has ended every method answers {@code UNAVAILABLE}.
 */
public interface Usage {
  /**
   * Returns what one container uses.
   *
   * @throws dev.berth.base.BerthException NOT_FOUND if there is none
   */
  ContainerUsage container(String containerId);

  /**
   * Returns what the running containers that pass the filter use. One that cannot be read, because
   * it ends at this moment or its cgroup was taken away, is left out.
   */
  List<ContainerUsage> containers(ContainerFilter filter);

  /**
   * Returns what one sandbox uses.
   *
   * @throws dev.berth.base.BerthException NOT_FOUND if there is none
   */
  SandboxUsage sandbox(String sandboxId);

  /** Returns what the READY sandboxes that pass the filter use. */
  List<SandboxUsage> sandboxes(SandboxFilter filter);
}
