package dev.berth.runtime.spec;

/**
 * One range of a user namespace or an id-mapped mount; ids are unsigned 32 bits.
 *
 * @param containerID first id inside
 * @param hostID first id outside
 * @param size number of ids
 */
public record IdMapping(long containerID, long hostID, long size) {}
