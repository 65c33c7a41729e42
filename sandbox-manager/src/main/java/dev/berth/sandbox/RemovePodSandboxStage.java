package dev.berth.sandbox;

/** The stages of {@link Sandboxes#remove}, after those of {@link StopPodSandboxStage}. */
public enum RemovePodSandboxStage {
  /** All containers are removed. */
  CONTAINERS,
  /** The files, the record and the name are given up. */
  FORGET
}
