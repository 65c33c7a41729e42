package dev.berth.sandbox;

/** The stages of {@link Containers#stop}, in order. */
public enum StopContainerStage {
  /** The stop signal is sent and the container is given its time. */
  SIGNAL,
  /** SIGKILL is sent. */
  KILL
}
