package dev.berth.shim.client;

import java.time.Instant;
import org.jspecify.annotations.Nullable;

/**
 * The state of a process as its shim sees it.
 *
 * @param pid as the host sees it; 0 before a process exists
 * @param exitStatus meaningful when stopped
 * @param exitedAt null unless stopped
 */
public record TaskState(
    TaskProcess process, Status status, int pid, int exitStatus, @Nullable Instant exitedAt) {
  /** What the task API knows of a process. */
  public enum Status {
    UNKNOWN,
    CREATED,
    RUNNING,
    STOPPED,
    PAUSED,
    PAUSING
  }

  /** Returns whether the process has ended. */
  public boolean isStopped() {
    return status == Status.STOPPED;
  }
}
