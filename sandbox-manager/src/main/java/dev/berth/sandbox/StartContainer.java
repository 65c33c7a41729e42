package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.shim.client.TaskExit;
import dev.berth.shim.client.TaskProcess;
import java.time.Clock;
import java.util.Optional;

/** Starts a created container. */
final class StartContainer {
  private static final System.Logger LOG = System.getLogger(StartContainer.class.getName());

  private final Registry registry;
  private final Tasks tasks;
  private final Handlers handlers;
  private final ExitWatch exits;
  private final Plugins plugins;
  private final Clock clock;

  StartContainer(
      Registry registry,
      Tasks tasks,
      Handlers handlers,
      ExitWatch exits,
      Plugins plugins,
      Clock clock) {
    this.registry = registry;
    this.tasks = tasks;
    this.handlers = handlers;
    this.exits = exits;
    this.plugins = plugins;
    this.clock = clock;
  }

  void start(Container container, Operation operation) {
    container.concerns(operation);
    Sandbox sandbox = registry.sandboxes.require(container.record().sandboxId());
    try (var _ = sandbox.use(operation)) {
      operation.enter(StartContainerStage.CHECK);
      if (sandbox.state() != SandboxState.READY) {
        throw new BerthException(FAILED_PRECONDITION, "sandbox " + sandbox.id() + " is not ready");
      }
      container.requireStartable();
      Optional<BerthException> refusal = refusal(container);
      try (var _ = Lifecycle.hold(container, operation)) {
        container.beginStart();
        startClaimed(container, refusal, operation);
      }
    }
    plugins.startedContainer(container);
    exits.settle(container); // if it ended before the start was recorded
  }

  /** Asks without a lock: a plugin may change limits of the container while it is asked. */
  private Optional<BerthException> refusal(Container container) {
    try {
      plugins.startContainer(container);
      return Optional.empty();
    } catch (BerthException e) {
      return Optional.of(e);
    }
  }

  private void startClaimed(
      Container container, Optional<BerthException> refusal, Operation operation) {
    try {
      if (refusal.isPresent()) {
        throw refusal.get();
      }
      operation.enter(StartContainerStage.TASK);
      int pid = tasks.startSurely(container.id(), handlers.of(container), operation);
      operation.enter(StartContainerStage.PUBLISH);
      boolean _ = exits.attend(container, pid); // it may have ended already
      container.started(pid, clock.instant());
    } catch (RuntimeException failure) {
      container.startFailed(String.valueOf(failure.getMessage()), clock.instant());
      discard(container);
      throw failure;
    }
  }

  /** The container stays, to be looked at and removed; its task has no use any more. */
  private void discard(Container container) {
    Operation undo = Operation.internal("undo of StartContainer");
    TaskProcess process = TaskProcess.init(container.id());
    try {
      if (tasks.end(container.id(), undo)) {
        awaitEnd(process);
        return; // its exit frees it
      }
      exits.free(container);
    } catch (BerthException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot discard the task of " + container.id(), e);
    }
  }

  /** The container counts as exited already, and who removes it next expects no process. */
  private void awaitEnd(TaskProcess process) {
    try {
      TaskExit _ = tasks.waitFor(process, Tasks.LIMIT);
    } catch (BerthException e) {
      boolean freed = e.kind() == NOT_FOUND || e.kind() == FAILED_PRECONDITION;
      if (!freed) {
        throw e;
      }
    }
  }
}
