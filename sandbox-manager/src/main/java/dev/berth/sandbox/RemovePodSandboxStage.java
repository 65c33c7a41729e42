package dev.berth.sandbox;

/** The stages of {@link Sandboxes#remove}, after those of {@link StopPodSandboxStage}. */
public enum RemovePodSandboxStage {
  /** All containers are removed. */
  CONTAINERS,
  /** The sandbox's files are deleted. */
  FILES,
  /** The record and the name are given up. */
  FORGET
}
