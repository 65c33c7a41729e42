package dev.berth.shim.client;

import dev.berth.base.BerthException;
import java.util.concurrent.CompletableFuture;

/** A shim that answers. Thread-safe; nothing to close, connections belong to {@link Shims}. */
public final class Shim {
  private final ShimRecord record;
  private final TaskClient tasks;
  private final CompletableFuture<BerthException> lost;

  Shim(ShimRecord record, TaskClient tasks, CompletableFuture<BerthException> lost) {
    this.record = record;
    this.tasks = tasks;
    this.lost = lost;
  }

  /** Returns what to store in order to find this shim again. */
  public ShimRecord record() {
    return record;
  }

  /** Returns the tasks of this shim. Connects again by itself when the connection was lost. */
  public TaskClient tasks() {
    return tasks;
  }

  /**
   * Returns a future that completes, with the reason, when the connection ends that was there when
   * this object was made: the shim has ended or was killed. Its stages run on a thread of their
   * own. The connection knows of each until then: who only asks, asks {@link #isLost}.
   */
  public CompletableFuture<BerthException> lost() {
    return lost.copy();
  }

  /** Tells whether that connection has ended. */
  public boolean isLost() {
    return lost.isDone();
  }
}
