package dev.berth.sandbox;

import dev.berth.base.Operation;

/**
 * Takes apart what was made for a sandbox: the common end of stop, remove, a failed run, and of
 * what recovery finds half made. Every step can be repeated.
 */
final class ReleasePodSandbox {
  private final Registry registry;
  private final RecordStore records;
  private final PodNamespaces namespaces;
  private final PodFiles files;
  private final PodNetwork network;
  private final PodPause pause;
  private final CgroupParents cgroups;

  ReleasePodSandbox(
      Registry registry,
      RecordStore records,
      PodNamespaces namespaces,
      PodFiles files,
      PodNetwork network,
      PodPause pause,
      CgroupParents cgroups) {
    this.registry = registry;
    this.records = records;
    this.namespaces = namespaces;
    this.files = files;
    this.network = network;
    this.pause = pause;
    this.cgroups = cgroups;
  }

  /**
   * Ends the pause, detaches the network, unpins the namespaces and gives back the memory. The
   * network comes before the namespaces: its plugins want to see them.
   */
  void release(Sandbox sandbox, Operation operation) {
    pause.stop(sandbox, operation);
    if (sandbox.isNetworkTouched()) {
      operation.enter(StopPodSandboxStage.NETWORK);
      network.detach(sandbox.record(), operation);
      sandbox.markNetworkTouched(false);
    }
    network.release(sandbox.id());
    operation.enter(StopPodSandboxStage.NAMESPACES);
    namespaces.release(sandbox.id());
    files.release(sandbox.id());
  }

  /** Deletes the files, the record and the name of a sandbox that was released. */
  void forget(Sandbox sandbox) {
    files.remove(sandbox.id());
    cgroups.removeDefaultParent(sandbox.record());
    records.removeSandbox(sandbox.id());
    sandbox.markRemoved();
    registry.sandboxes.remove(sandbox.id());
    registry.sandboxNames.release(sandbox.record().name(), sandbox.id());
  }
}
