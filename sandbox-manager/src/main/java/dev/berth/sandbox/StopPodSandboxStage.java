package dev.berth.sandbox;

/** The stages of {@link Sandboxes#stop}, in order. */
public enum StopPodSandboxStage {
  /** All containers are killed. */
  CONTAINERS,
  /** The CNI plugins detach the network. */
  NETWORK,
  /** The namespaces are unpinned and /dev/shm is unmounted. */
  NAMESPACES,
  /** The sandbox is made durable as NOT_READY and published. */
  NOT_READY
}
