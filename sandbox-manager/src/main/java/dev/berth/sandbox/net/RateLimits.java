package dev.berth.sandbox.net;

/**
 * Bounds of a pod's traffic, in bits per second; 0 for none.
 *
 * @param ingress to the pod
 * @param egress from the pod
 */
public record RateLimits(long ingress, long egress) {
  /** No bounds. */
  public static final RateLimits NONE = new RateLimits(0, 0);
}
