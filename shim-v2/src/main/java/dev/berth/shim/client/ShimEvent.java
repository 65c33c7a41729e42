package dev.berth.shim.client;

import java.time.Instant;

/** What a shim tells about its tasks, unasked. Events of one task come in order. */
public sealed interface ShimEvent {
  /** The container that the event is about; empty where the event does not say. */
  String containerId();

  /** A container was prepared. */
  record Created(String containerId, int pid) implements ShimEvent {}

  /** A container's own process runs. */
  record Started(String containerId, int pid) implements ShimEvent {}

  /** An exec was registered. */
  record ExecAdded(TaskProcess process) implements ShimEvent {
    @Override
    public String containerId() {
      return process.containerId();
    }
  }

  /** An exec runs. */
  record ExecStarted(TaskProcess process, int pid) implements ShimEvent {
    @Override
    public String containerId() {
      return process.containerId();
    }
  }

  /** A process has ended; that of the container itself after all of its execs. */
  record Exited(TaskProcess process, TaskExit exit) implements ShimEvent {
    @Override
    public String containerId() {
      return process.containerId();
    }
  }

  /** The kernel killed something in the container for want of memory. */
  record OutOfMemory(String containerId) implements ShimEvent {}

  /** A container was freed. */
  record Deleted(String containerId, TaskExit exit) implements ShimEvent {}

  /**
   * An event that the caller has no use for.
   *
   * @param topic such as {@code /tasks/paused}
   */
  record Other(String containerId, String topic, Instant at) implements ShimEvent {}
}
