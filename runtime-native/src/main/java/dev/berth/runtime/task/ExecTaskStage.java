package dev.berth.runtime.task;

/** What an additional process of a task goes through until its start, in this order. */
public enum ExecTaskStage {
  /** Its directory is made. */
  DIRECTORY,
  /** FIFOs and control socket are made, the container's process and cgroup are opened. */
  STDIO,
  /** The process is compiled into a launch plan. */
  COMPILE,
  /** berth-init is spawned and given the plan. */
  SPAWN,
  /** berth-init runs the plan up to the start gate. */
  SETUP,
  /** The process is recorded, for a later JVM to find. */
  RECORD,
  /** The gate is opened; the end is awaited by whoever wants to know. */
  START
}
