package dev.berth.sandbox;

/** The stages of {@link Streams#exec}, in order. */
public enum ExecStreamStage {
  /** The pipes of its streams are made. */
  PIPES,
  /** The shim is told of the command. */
  PROCESS,
  /** The command is started. */
  START
}
