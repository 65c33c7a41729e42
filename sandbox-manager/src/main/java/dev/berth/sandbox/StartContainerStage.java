package dev.berth.sandbox;

/** The stages of {@link Containers#start}, in order. */
public enum StartContainerStage {
  /** The state is checked. */
  CHECK,
  /** The shim starts the task. */
  TASK,
  /** The container is made durable as RUNNING and published. */
  PUBLISH
}
