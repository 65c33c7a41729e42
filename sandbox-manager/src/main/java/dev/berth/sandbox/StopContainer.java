package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.shim.client.TaskProcess;
import java.time.Duration;
import java.time.Instant;

/**
 * Stops a container: the stop signal once, the time it was given, then SIGKILL.
 *
 * <p>Several calls may wait at once. The signal is sent by the first; the earliest deadline that
 * any of them brought counts for all, and each of them would escalate, which does no harm.
 */
final class StopContainer {
  /** How long the kernel may take to end a killed process; longer means it hangs in the kernel. */
  private static final Duration KILL_LIMIT = Duration.ofSeconds(60);

  private static final Duration LONGEST = Duration.ofDays(1);

  private final Tasks tasks;
  private final Plugins plugins;

  StopContainer(Tasks tasks, Plugins plugins) {
    this.tasks = tasks;
    this.plugins = plugins;
  }

  void stop(Container container, Duration timeout, Operation operation) {
    container.concerns(operation);
    end(container, timeout, operation);
    if (container.currentState() instanceof ContainerState.Exited) {
      plugins.stoppedContainer(container); // whoever saw the end first may be about to
    }
  }

  private void end(Container container, Duration timeout, Operation operation) {
    if (container.awaitExit(Duration.ZERO)) {
      return; // created, exited or removed: there is nothing to stop
    }
    operation.enter(StopContainerStage.SIGNAL);
    boolean first = container.requestStop(Instant.now().plus(timeout));
    if (first && !timeout.isZero()) {
      askToEnd(container, operation);
    }
    if (timeout.isZero() || !container.awaitStopDeadline(operation.remaining(LONGEST))) {
      operation.enter(StopContainerStage.KILL);
      kill(container, operation);
    }
  }

  private void askToEnd(Container container, Operation operation) {
    try {
      signal(container, container.record().stopSignal(), operation);
    } catch (BerthException e) {
      container.withdrawStop(); // its shim may be about to come back
      throw e;
    }
  }

  /** Kills a container that may also be CREATED, and waits until its end is recorded. */
  void kill(Container container, Operation operation) {
    signal(container, CriSignals.SIGKILL, operation);
    if (!container.awaitExit(operation.remaining(KILL_LIMIT))) {
      throw new BerthException(
          DEADLINE_EXCEEDED, operation + ": container " + container.id() + " does not end");
    }
  }

  private void signal(Container container, int signal, Operation operation) {
    if (tasks.isKnown(container.id())) {
      tasks.kill(TaskProcess.init(container.id()), signal, operation);
    }
  }
}
