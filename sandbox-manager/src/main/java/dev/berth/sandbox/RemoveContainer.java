package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.shim.client.TaskExit;
import java.time.Duration;
import java.util.Optional;

/**
 * Removes a container, whatever state it is in: its task, its bundle, its snapshot, its record and
 * its name, in this order. Every step can be repeated, so a failed removal is finished by the next.
 */
final class RemoveContainer {
  private static final Duration END_LIMIT = Duration.ofSeconds(60);

  private final Registry registry;
  private final RecordStore records;
  private final Tasks tasks;
  private final Bundles bundles;
  private final ContainerImages images;
  private final ImageVolumes volumes;
  private final Handlers handlers;
  private final PodEvents events;
  private final Plugins plugins;

  RemoveContainer(
      Registry registry,
      RecordStore records,
      Tasks tasks,
      Bundles bundles,
      ContainerImages images,
      ImageVolumes volumes,
      Handlers handlers,
      PodEvents events,
      Plugins plugins) {
    this.registry = registry;
    this.records = records;
    this.tasks = tasks;
    this.bundles = bundles;
    this.images = images;
    this.volumes = volumes;
    this.handlers = handlers;
    this.events = events;
    this.plugins = plugins;
  }

  void remove(Container container, Operation operation) {
    container.concerns(operation);
    try (var _ = Lifecycle.hold(container, operation)) {
      if (container.isRemoved()) {
        return;
      }
      container.markBeingRemoved(true);
      try {
        removeHeld(container, operation);
      } finally {
        container.markBeingRemoved(false);
      }
    }
  }

  private void removeHeld(Container container, Operation operation) {
    operation.enter(RemoveContainerStage.STOP);
    end(container, operation);
    operation.enter(RemoveContainerStage.TASK);
    tasks.delete(container.id(), operation);
    operation.enter(RemoveContainerStage.FILES);
    plugins.removeContainer(container);
    removeFiles(container);
    operation.enter(RemoveContainerStage.FORGET);
    forget(container);
  }

  /** Removes what is left of a container whose sandbox is not known any more. */
  void removeOrphan(Container container) {
    removeFiles(container);
    forget(container);
  }

  private void removeFiles(Container container) {
    bundles.remove(container.id());
    volumes.remove(container.record());
    images.remove(container.record().snapshotKey());
  }

  /**
   * Lets go of what a container has of its sandbox, which is being stopped: the process, also of
   * one that was never started, and the image volumes. What is left is its record, its files and
   * its log. Repeatable.
   */
  void release(Container container, Operation operation) {
    try (var _ = Lifecycle.hold(container, operation)) {
      if (!container.isRemoved()) {
        end(container, operation);
        volumes.unmount(container.record());
      }
    }
  }

  private void forget(Container container) {
    container.retire(() -> records.removeContainer(container.id()));
    registry.containers.remove(container.id());
    registry.containerNames.release(container.record().name(), container.id());
    events.tell(PodEvent.Kind.DELETED, container.record());
  }

  /** Also a created container has a process, which waits to become its program. */
  private void end(Container container, Operation operation) {
    if (container.currentState() instanceof ContainerState.Exited) {
      return;
    }
    if (!tasks.isKnown(container.id())) {
      Optional<TaskExit> _ =
          tasks.cleanUp(container.id(), handlers.of(container), operation.remaining(END_LIMIT));
      return;
    }
    boolean wasThere = tasks.end(container.id(), operation);
    if (wasThere && !container.awaitEnd(operation.remaining(END_LIMIT))) {
      throw new BerthException(
          DEADLINE_EXCEEDED, operation + ": container " + container.id() + " does not end");
    }
  }
}
