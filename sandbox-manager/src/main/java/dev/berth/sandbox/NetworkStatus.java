package dev.berth.sandbox;

/**
 * Whether pods can get a network of their own: the NetworkReady condition.
 *
 * @param reason one word; empty when ready
 * @param message for people; empty when ready
 */
public record NetworkStatus(boolean isReady, String reason, String message) {
  static final NetworkStatus READY = new NetworkStatus(true, "", "");

  static NetworkStatus notReady(String message) {
    return new NetworkStatus(false, "NetworkPluginNotReady", message);
  }
}
