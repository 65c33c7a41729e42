package dev.berth.sandbox;

/** The stages of {@link Sandboxes#run}, in order. */
public enum RunPodSandboxStage {
  /** The configuration is checked and the name reserved. */
  RESERVE,
  /** The intent is made durable: what follows can be undone after a crash. */
  RECORD,
  /** The namespaces are created, given their sysctls, and pinned. */
  NAMESPACES,
  /** hosts, resolv.conf, hostname and /dev/shm are made. */
  FILES,
  /** The CNI plugins attach the network. */
  NETWORK,
  /** The pause is started, if the pod shares one pid namespace or its shim wants a task for it. */
  PAUSE,
  /** The sandbox is made durable as READY and published. */
  READY
}
