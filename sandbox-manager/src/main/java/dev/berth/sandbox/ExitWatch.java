package dev.berth.sandbox;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.shim.client.TaskExit;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * Learns of the ends of tasks, one waiting call at the shim for each, and frees them afterwards.
 *
 * <p>A shim whose connection breaks is looked for again. One that takes its tasks over is started
 * until it comes up: its containers run on, and nothing must end them meanwhile. One that is gone
 * for good takes its tasks with it: what it left is cleaned up and its containers have exited.
 * Thread-safe.
 */
final class ExitWatch {
  private static final System.Logger LOG = System.getLogger(ExitWatch.class.getName());
  private static final Duration SHIM_LIMIT = Duration.ofSeconds(30);
  private static final int KILLED = 137;

  private final Tasks tasks;
  private final CgroupParents cgroups;
  private final Handlers handlers;
  private final Plugins plugins;
  private volatile boolean closed;

  ExitWatch(Tasks tasks, CgroupParents cgroups, Handlers handlers, Plugins plugins) {
    this.tasks = tasks;
    this.cgroups = cgroups;
    this.handlers = handlers;
    this.plugins = plugins;
  }

  /** Watches a task from now on, once for each container. */
  void watch(Container container) {
    cgroups.watch(container.record().cgroup());
    var _ =
        tasks.exit(container.id()).whenComplete((exit, failure) -> ended(container, exit, failure));
  }

  /** Stops caring: connections are about to be closed. */
  void close() {
    closed = true;
  }

  private void ended(Container container, @Nullable TaskExit exit, @Nullable Throwable failure) {
    if (exit != null) {
      report(container, exit);
    } else if (isOfNoTask(failure)) {
      container.exited(ExitReport.unknown(Instant.now(), "its shim knows no task of it"));
      plugins.stoppedContainer(container);
    } else if (!closed && !container.isRemoved()) {
      LOG.log(System.Logger.Level.WARNING, "lost the shim of container " + container.id(), failure);
      recover(container);
    }
  }

  /** Asking again would bring the same answer. */
  private static boolean isOfNoTask(@Nullable Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof BerthException e && e.kind() == BerthException.Kind.NOT_FOUND;
  }

  /** Takes note of the end of a task. */
  void report(Container container, TaskExit exit) {
    boolean outOfMemory =
        cgroups.hasRunOutOfMemory(container.record().cgroup()) && exit.status() == KILLED;
    container.exited(ExitReport.of(exit, outOfMemory));
    settle(container);
  }

  /** Does what is left to do for a container that has ended, if it has. */
  void settle(Container container) {
    free(container);
    if (container.currentState() instanceof ContainerState.Exited) {
      plugins.stoppedContainer(container);
    }
  }

  /** Frees the task of a container whose exit is on disk; until then the shim must keep it. */
  void free(Container container) {
    boolean over = container.currentState() instanceof ContainerState.Exited;
    if (!over || !container.isSaved()) {
      return;
    }
    try {
      tasks.delete(container.id(), Operation.internal("free task"));
    } catch (BerthException e) {
      // The container's removal tries again.
      LOG.log(System.Logger.Level.WARNING, "cannot free the task of " + container.id(), e);
    }
  }

  private void recover(Container container) {
    RuntimeHandler handler = handlers.of(container);
    try {
      if (adopt(container, handler)) {
        watch(container);
      }
    } catch (BerthException e) {
      LOG.log(
          System.Logger.Level.WARNING, "the shim of container " + container.id() + " is gone", e);
      cleanUp(container, handler);
    }
  }

  /**
   * Finds the shim of a container again, or its successor, however long that takes.
   *
   * @return false if nobody wants it any more
   * @throws BerthException if the shim is gone for good
   */
  boolean adopt(Container container, RuntimeHandler handler) {
    return tasks.adoptSurely(container.id(), handler, () -> !closed && !container.isRemoved());
  }

  /** Ends a container whose shim is gone for good. */
  void cleanUp(Container container, RuntimeHandler handler) {
    try {
      Optional<TaskExit> exit = tasks.cleanUp(container.id(), handler, SHIM_LIMIT);
      container.exited(
          exit.map(known -> ExitReport.of(known, false))
              .orElseGet(() -> ExitReport.unknown(Instant.now(), "its shim was lost")));
      plugins.stoppedContainer(container);
    } catch (BerthException e) {
      LOG.log(
          System.Logger.Level.ERROR,
          "cannot clean up after the shim of container " + container.id(),
          e);
      container.lost(String.valueOf(e.getMessage()));
    }
  }
}
