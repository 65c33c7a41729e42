package dev.berth.sandbox;

import dev.berth.shim.client.ShimVersion;

/**
 * A shim that was replaced while its containers ran.
 *
 * @param handler whose shim it is
 */
public record ShimUpgrade(String handler, ShimVersion before, ShimVersion after) {}
