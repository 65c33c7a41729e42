package dev.berth.sandbox;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.shim.client.TaskExit;
import dev.berth.shim.client.TaskState;
import java.time.Duration;
import java.time.Instant;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.concurrent.CompletionException;
import org.jspecify.annotations.Nullable;

/**
 * Learns of the ends of tasks, one waiting call at the shim for each, and frees them afterwards.
 *
 * <p>A shim whose connection breaks is looked for again. One that takes its tasks over is started
 * until it comes up: its containers run on, and nothing must end them meanwhile. One that is gone
 * for good takes its tasks with it: what it left is cleaned up and its containers have exited. A
 * shim that knows no task of a container whose process is there is asked again, for some seconds:
 * no exit is told of a process that lives. Thread-safe.
 */
final class ExitWatch {
  private static final System.Logger LOG = System.getLogger(ExitWatch.class.getName());
  private static final int KILLED = 137;

  /** What a shim says that does not know: or the container's own code. */
  private static final int UNKNOWN = 255;

  private final Tasks tasks;
  private final CgroupParents cgroups;
  private final Handlers handlers;
  private final Plugins plugins;
  private final ExitWitness witness = new ExitWitness();
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

  /**
   * Makes sure that the exit code of a container that runs becomes known whoever dies; says whether
   * its process is there.
   */
  boolean attend(Container container, int pid) {
    return witness.attend(container.id(), pid);
  }

  /**
   * Tells whether the kernel has a container's process, whatever its shim says: of one that runs
   * the first, of one that never ran the one that waits to become it.
   */
  boolean isAlive(Container container) {
    return container.currentState() instanceof ContainerState.Running running
        ? attend(container, running.pid())
        : !cgroups.processes(container.record().cgroup()).isEmpty();
  }

  /** Stops caring: connections are about to be closed. */
  void close() {
    closed = true;
    witness.close();
  }

  private void ended(Container container, @Nullable TaskExit exit, @Nullable Throwable failure) {
    if (exit != null) {
      report(container, exit);
    } else if (closed || container.isRemoved()) {
      return;
    } else if (isOfNoTask(failure) && !isAlive(container)) {
      endUnseen(container);
    } else {
      LOG.log(System.Logger.Level.WARNING, "lost the shim of container " + container.id(), failure);
      recover(container);
    }
  }

  private static boolean isOfNoTask(@Nullable Throwable failure) {
    Throwable cause = failure instanceof CompletionException ? failure.getCause() : failure;
    return cause instanceof BerthException e && e.kind() == BerthException.Kind.NOT_FOUND;
  }

  /** Takes note of the end of a task. */
  void report(Container container, TaskExit exit) {
    TaskExit known = exit.status() == UNKNOWN ? asWitnessed(container, exit) : exit;
    witness.dismiss(container.id());
    boolean outOfMemory =
        cgroups.hasRunOutOfMemory(container.record().cgroup()) && known.status() == KILLED;
    container.exited(ExitReport.of(known, outOfMemory));
    settle(container);
  }

  private TaskExit asWitnessed(Container container, TaskExit exit) {
    OptionalInt code = witness.codeOf(container.id());
    return new TaskExit(exit.pid(), code.orElse(exit.status()), exit.exitedAt());
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
    try {
      if (adopt(container, Tasks.RESUME_LIMIT).isPresent()) {
        watch(container);
      }
    } catch (BerthException e) {
      end(container, e);
    }
  }

  /**
   * Finds the shim of a container again, or its successor, however long that takes.
   *
   * @param patience how long a shim may take for an answer before it is asked again
   * @return what it says of the task; empty if nobody wants it any more
   * @throws BerthException as {@link Tasks#adoptSurely} does
   */
  Optional<TaskState> adopt(Container container, Duration patience) {
    return tasks.adoptSurely(
        container.id(), handlers.of(container), new Search(container, patience));
  }

  private final class Search implements TaskSearch {
    private final Container container;
    private final Duration patience;

    Search(Container container, Duration patience) {
      this.container = container;
      this.patience = patience;
    }

    @Override
    public Duration patience() {
      return closed || container.isRemoved() ? Duration.ZERO : patience;
    }

    @Override
    public boolean isAlive() {
      return ExitWatch.this.isAlive(container);
    }
  }

  /**
   * Ends a container of which {@link #adopt} has found no task. One that still runs must not be
   * there unknown to its shim: nobody could stop it.
   */
  void end(Container container, BerthException why) {
    if (why.kind() == BerthException.Kind.NOT_FOUND && !isAlive(container)) {
      endUnseen(container);
    } else {
      LOG.log(
          System.Logger.Level.WARNING, "container " + container.id() + " has no shim: ended", why);
      cleanUp(container);
    }
  }

  private void endUnseen(Container container) {
    container.exited(unseen(container));
    plugins.stoppedContainer(container);
  }

  /** Returns what is known of an end that no shim has seen. */
  private ExitReport unseen(Container container) {
    OptionalInt code = witness.codeOf(container.id());
    return code.isPresent()
        ? ExitReport.of(new TaskExit(0, code.getAsInt(), Instant.now()), false)
        : ExitReport.unknown(Instant.now(), "its end was not seen");
  }

  private void cleanUp(Container container) {
    try {
      Optional<TaskExit> exit =
          tasks.cleanUp(container.id(), handlers.of(container), Tasks.RESUME_LIMIT);
      if (isAlive(container)) { // to whom that means nothing
        cgroups.end(container.record().cgroup());
      }
      container.exited(
          exit.map(known -> ExitReport.of(known, false)).orElseGet(() -> unseen(container)));
      witness.dismiss(container.id());
      plugins.stoppedContainer(container);
    } catch (BerthException e) {
      LOG.log(
          System.Logger.Level.ERROR,
          "cannot clean up after the shim of container " + container.id(),
          e);
      witness.dismiss(container.id());
      container.lost(String.valueOf(e.getMessage()));
    }
  }
}
