package dev.berth.shim.client;

/**
 * Names a process of a task.
 *
 * @param containerId the task
 * @param execId an exec of it; empty for the container's own process
 */
public record TaskProcess(String containerId, String execId) {
  /** Names the container's own process. */
  public static TaskProcess init(String containerId) {
    return new TaskProcess(containerId, "");
  }

  /** Returns whether this is the container's own process. */
  public boolean isInit() {
    return execId.isEmpty();
  }

  @Override
  public String toString() {
    return isInit() ? containerId : containerId + "/" + execId;
  }
}
