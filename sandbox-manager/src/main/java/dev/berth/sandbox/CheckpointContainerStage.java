package dev.berth.sandbox;

/** What CheckpointContainer goes through, in this order. */
public enum CheckpointContainerStage {
  /** All processes of the container are stopped. */
  PAUSE,
  /** CRIU dumps them. */
  DUMP,
  /** What else belongs to a checkpoint is copied: configuration, state and changed files. */
  FILES,
  /** The container goes on. */
  RESUME,
  /** The archive is written, and gets its name. */
  ARCHIVE
}
