package dev.berth.sandbox;

/** The stages of {@link Containers#create}, in order. */
public enum CreateContainerStage {
  /** The configuration is checked, the image found and the name reserved. */
  RESERVE,
  /** The intent is made durable: what follows can be undone after a crash. */
  RECORD,
  /** The writable snapshot of the image is prepared. */
  SNAPSHOT,
  /** The user is looked up and config.json is generated and written. */
  BUNDLE,
  /** The shim is started or found. */
  SHIM,
  /** The shim creates the task. */
  TASK,
  /** The container is published. */
  PUBLISH
}
