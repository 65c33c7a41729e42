package dev.berth.sandbox;

/** The stages of {@link Containers#execSync}, in order. */
public enum ExecSyncStage {
  /** The pipes of its output are made. */
  PIPES,
  /** The shim runs the command. */
  PROCESS,
  /** The output is read and the exit awaited. */
  OUTPUT
}
