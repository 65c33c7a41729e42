package dev.berth.sandbox;

import java.util.List;

/**
 * What pods and containers use. What is asked of one is read from the kernel then; what a list
 * tells was read at most a second ago. The writable layers are measured in the background.
 *
 * <p>Nothing that is broken or frozen fails a list or holds it up: it is left out, and {@link
 * #gaps} says so. Thread-safe. Until recovery has ended methods answer {@code UNAVAILABLE}.
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

  /**
   * Returns what the READY sandboxes that pass the filter use. Of one whose cgroup cannot be read
   * the rest is told; its containers that cannot be read are left out.
   */
  List<SandboxUsage> sandboxes(SandboxFilter filter);

  /**
   * Returns what monitoring wants to know of the READY sandboxes and their running containers.
   * Waits a fifth of a second at most for writable layers that were never measured.
   */
  List<SandboxMetrics> metrics();

  /** Returns what could not be read of late; also while recovery goes on. */
  UsageGaps gaps();
}
