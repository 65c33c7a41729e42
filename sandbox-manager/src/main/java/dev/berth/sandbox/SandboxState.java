package dev.berth.sandbox;

/** The state of a sandbox, as CRI knows it. */
public enum SandboxState {
  /** Its namespaces and network are up: containers can be created in it. */
  READY,
  /** It was stopped, lost its namespaces in a reboot, or could not be undone after a failure. */
  NOT_READY
}
