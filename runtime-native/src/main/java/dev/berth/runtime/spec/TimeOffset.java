package dev.berth.runtime.spec;

/**
 * Offset of a clock in a time namespace.
 *
 * @param secs seconds
 * @param nanosecs nanoseconds
 */
public record TimeOffset(long secs, long nanosecs) {}
