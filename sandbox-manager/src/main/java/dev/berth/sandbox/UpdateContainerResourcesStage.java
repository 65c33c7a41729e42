package dev.berth.sandbox;

/** What UpdateContainerResources goes through, in this order. */
public enum UpdateContainerResourcesStage {
  /** The limits are written to the container's cgroup. */
  APPLY,
  /** They are made durable and published. */
  RECORD
}
