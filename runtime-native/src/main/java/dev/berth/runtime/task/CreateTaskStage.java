package dev.berth.runtime.task;

/** What creating a task goes through, in this order. */
public enum CreateTaskStage {
  /** The bundle is read and checked. */
  BUNDLE,
  /** The task's directory is made. */
  DIRECTORY,
  /** The cgroup is made and gets its limits. */
  CGROUP,
  /** FIFOs, log and control socket are made, namespaces opened. */
  STDIO,
  /** The spec is compiled into a launch plan. */
  COMPILE,
  /** berth-init is spawned and given the plan. */
  SPAWN,
  /** berth-init runs the plan up to the start gate. */
  SETUP,
  /** The task is recorded, for a later JVM to find. */
  RECORD
}
