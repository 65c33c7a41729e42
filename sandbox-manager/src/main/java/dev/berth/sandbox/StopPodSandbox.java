package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import java.time.Duration;
import java.util.List;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.function.Consumer;

/** Stops and removes sandboxes: containers first, then the network, then the namespaces. */
final class StopPodSandbox {
  private final Registry registry;
  private final RecordStore records;
  private final ReleasePodSandbox release;
  private final StopContainer stopContainer;
  private final RemoveContainer removeContainer;
  private final PodEvents events;
  private final Plugins plugins;

  StopPodSandbox(
      Registry registry,
      RecordStore records,
      ReleasePodSandbox release,
      StopContainer stopContainer,
      RemoveContainer removeContainer,
      PodEvents events,
      Plugins plugins) {
    this.registry = registry;
    this.records = records;
    this.release = release;
    this.stopContainer = stopContainer;
    this.removeContainer = removeContainer;
    this.events = events;
    this.plugins = plugins;
  }

  void stop(Sandbox sandbox, Operation operation) {
    sandbox.concerns(operation);
    try (var _ = sandbox.change(operation)) {
      stopHeld(sandbox, operation);
    }
  }

  void remove(Sandbox sandbox, Operation operation) {
    sandbox.concerns(operation);
    try (var _ = sandbox.change(operation)) {
      if (sandbox.isRemoved()) {
        return;
      }
      stopHeld(sandbox, operation);
      operation.enter(RemovePodSandboxStage.CONTAINERS);
      forEachContainer(sandbox, container -> removeContainer.remove(container, operation));
      operation.enter(RemovePodSandboxStage.FORGET);
      plugins.removePodSandbox(sandbox);
      release.forget(sandbox);
      events.tell(PodEvent.Kind.DELETED, sandbox);
    }
  }

  private void stopHeld(Sandbox sandbox, Operation operation) {
    if (sandbox.isRemoved() || sandbox.isReleased()) {
      return;
    }
    operation.enter(StopPodSandboxStage.CONTAINERS);
    sandbox.markUnusable();
    forEachContainer(sandbox, container -> stop(container, operation));
    plugins.stopPodSandbox(sandbox); // while it has all that it had, but for running containers
    release.release(sandbox, operation);
    operation.enter(StopPodSandboxStage.NOT_READY);
    SandboxRecord stopped = sandbox.record().stopped();
    records.put(stopped);
    sandbox.update(stopped);
    events.tell(PodEvent.Kind.STOPPED, sandbox);
  }

  /** Also one that was never started has a process, in the namespaces that are let go next. */
  private void stop(Container container, Operation operation) {
    stopContainer.stop(container, Duration.ZERO, operation);
    removeContainer.release(container, operation);
  }

  /** All at once; the first failure is thrown after all have been tried. */
  private void forEachContainer(Sandbox sandbox, Consumer<Container> action) {
    List<Container> containers = registry.containersOf(sandbox.id());
    if (containers.isEmpty()) {
      return;
    }
    try (ExecutorService all =
        Executors.newThreadPerTaskExecutor(Thread.ofVirtual().name("pod-", 0).factory())) {
      List<Future<?>> actions =
          containers.stream()
              .<Future<?>>map(container -> all.submit(() -> action.accept(container)))
              .toList();
      BerthException failure = null;
      for (Future<?> one : actions) {
        try {
          Object _ = one.get();
        } catch (ExecutionException e) {
          failure = failure == null ? failureOf(e) : failure;
        } catch (InterruptedException e) {
          Thread.currentThread().interrupt();
          throw new BerthException(BerthException.Kind.CANCELLED, operation(sandbox), e);
        }
      }
      if (failure != null) {
        throw failure;
      }
    }
  }

  private static String operation(Sandbox sandbox) {
    return "interrupted while stopping the containers of sandbox " + sandbox.id();
  }

  private static BerthException failureOf(ExecutionException e) {
    return e.getCause() instanceof BerthException known
        ? known
        : new BerthException(INTERNAL, "stopping a container failed: " + e.getCause(), e);
  }
}
