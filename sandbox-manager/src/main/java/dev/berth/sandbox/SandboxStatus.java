package dev.berth.sandbox;

import dev.berth.proto.cri.v1.PodSandboxConfig;
import java.time.Instant;
import java.util.List;

/**
 * What is known of a sandbox at one moment.
 *
 * @param config as it came with {@link Sandboxes#run}
 * @param runtimeHandler as it came, so empty where the default was asked for
 * @param ips addresses of the pod, the primary one first; empty with host network and when stopped
 * @param cniResult JSON of the last plugin's result; empty if there is no network of its own
 * @param networkNamespace path of the pinned network namespace; empty with host network
 */
public record SandboxStatus(
    String id,
    PodSandboxConfig config,
    String runtimeHandler,
    SandboxState state,
    Instant createdAt,
    List<String> ips,
    String cniResult,
    String networkNamespace) {
  public SandboxStatus {
    ips = List.copyOf(ips);
  }

  public boolean isReady() {
    return state == SandboxState.READY;
  }
}
