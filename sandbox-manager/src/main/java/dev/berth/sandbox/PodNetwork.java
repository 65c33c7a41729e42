package dev.berth.sandbox;

import dev.berth.base.Auditor;
import dev.berth.base.Operation;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.sandbox.net.NetworkedPod;
import dev.berth.sandbox.net.PodAddresses;
import java.util.ArrayList;
import java.util.List;

/**
 * Attaches sandboxes to the pod network: through CNI plugins where such a network is configured,
 * else to Berth's own. A sandbox stays with what its record says it was attached to.
 */
final class PodNetwork implements AutoCloseable {
  private final NetworkSettings.Mode mode;
  private final CniPodNetwork cni;
  private final OwnPodNetwork own;

  PodNetwork(NetworkSettings.Mode mode, CniPodNetwork cni, OwnPodNetwork own) {
    this.mode = mode;
    this.cni = cni;
    this.own = own;
  }

  /** What an attachment gave. */
  record Attached(String cniResult, List<String> ips) {}

  /**
   * Returns what a new sandbox will be attached to, for its record; empty with host network. What
   * is chosen belongs to the sandbox until {@link #release}.
   */
  String choose(String sandboxId, PodSandboxConfig config, String runtimeHandler) {
    if (SandboxConfigs.hasHostNetwork(config)) {
      return "";
    }
    return usesOwn(runtimeHandler) ? own.choose(sandboxId) : cni.choose(runtimeHandler);
  }

  private boolean usesOwn(String runtimeHandler) {
    return switch (mode) {
      case OWN -> true;
      case CNI -> false;
      case AUTO -> !cni.isConfigured(runtimeHandler);
    };
  }

  /** Checks what CRI says of the network. */
  static void check(PodSandboxConfig config) {
    CniPodNetwork.check(config);
    OwnPodNetwork.check(config);
  }

  /** Tells whether pods can be attached now. */
  NetworkStatus status() {
    return usesOwn("") ? own.status() : cni.status();
  }

  /** Attaches a sandbox. After a failure it must be {@linkplain #detach detached} all the same. */
  Attached attach(SandboxRecord sandbox, Operation operation) {
    if (sandbox.networkConfig().isEmpty()) {
      return new Attached("", List.of());
    }
    return isOwn(sandbox) ? own.attach(sandbox) : cni.attach(sandbox, operation);
  }

  /** Detaches a sandbox. Repeatable, also when its namespace or the result are lost. */
  void detach(SandboxRecord sandbox, Operation operation) {
    if (sandbox.networkConfig().isEmpty()) {
      return;
    }
    if (isOwn(sandbox)) {
      own.detach(sandbox);
    } else {
      cni.detach(sandbox, operation);
    }
  }

  /** Gives back what was chosen for a sandbox that is not attached. Idempotent. */
  void release(String sandboxId) {
    own.release(sandboxId);
  }

  /**
   * Takes note of a sandbox of an earlier process, before others choose.
   *
   * @param isOfThisBoot whether its network can still be there
   */
  void adopt(SandboxRecord sandbox, boolean isOfThisBoot) {
    if (isOwn(sandbox) && sandbox.phase() != SandboxRecord.Phase.STOPPED) {
      own.adopt(sandbox, isOfThisBoot);
    }
  }

  /** Puts back what the adopted sandboxes need. */
  void restore() {
    own.restore();
  }

  /**
   * Lets the networks remove what belongs to no sandbox. None may be attached or detached
   * meanwhile.
   *
   * @param sandboxes all there are
   */
  void collectGarbage(List<SandboxRecord> sandboxes, Operation operation) {
    if (mode != NetworkSettings.Mode.OWN) {
      cni.collectGarbage(sandboxes.stream().filter(PodNetwork::isByPlugins).toList(), operation);
    }
  }

  /**
   * Finds out whether a sandbox is attached as it was.
   *
   * @throws dev.berth.base.BerthException saying what is not
   */
  void check(SandboxRecord sandbox, Operation operation) {
    if (isByPlugins(sandbox)) {
      cni.check(sandbox, operation);
    }
  }

  /** Returns what audits the attachments of sandboxes. */
  List<Auditor> auditors(RecordView records) {
    List<Auditor> all = new ArrayList<>(own.auditors(() -> networked(records)));
    all.add(cni.auditor(records));
    return all;
  }

  private static List<NetworkedPod> networked(RecordView records) {
    return records.sandboxes().stream()
        .filter(sandbox -> records.isHeld(sandbox) && isOwn(sandbox))
        .map(sandbox ->
            new NetworkedPod(
                sandbox.id(),
                PodAddresses.fromJson(sandbox.networkConfig()),
                records.isReady(sandbox)))
        .toList();
  }

  private static boolean isByPlugins(SandboxRecord sandbox) {
    return sandbox.phase() != SandboxRecord.Phase.STOPPED
        && !sandbox.networkConfig().isEmpty()
        && !isOwn(sandbox);
  }

  private static boolean isOwn(SandboxRecord sandbox) {
    return PodAddresses.isRecordedIn(sandbox.networkConfig());
  }

  /** Stops watching; what is attached stays. Idempotent. */
  @Override
  public void close() {
    own.close();
    cni.close();
  }
}
