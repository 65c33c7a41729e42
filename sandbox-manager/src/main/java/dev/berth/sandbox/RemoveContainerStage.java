package dev.berth.sandbox;

/** The stages of {@link Containers#remove}, in order. */
public enum RemoveContainerStage {
  /** A container that still runs is killed. */
  STOP,
  /** The shim deletes the task. */
  TASK,
  /** The bundle and the writable snapshot are deleted. */
  FILES,
  /** The record and the name are given up. */
  FORGET
}
