package dev.berth.sandbox.net;

/**
 * A pod that is attached to Berth's own network by its record.
 *
 * @param isReady whether it must be attached; else it may be
 */
public record NetworkedPod(String sandboxId, PodAddresses addresses, boolean isReady) {
  String reason() {
    return "sandbox " + sandboxId + " is ready by its record";
  }
}
