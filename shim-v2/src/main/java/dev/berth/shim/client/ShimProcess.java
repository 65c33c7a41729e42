package dev.berth.shim.client;

/**
 * What a shim says of itself.
 *
 * @param shimPid the process that serves
 * @param taskPid the container's own process; 0 when there is none
 * @param version as the shim words it
 */
public record ShimProcess(int shimPid, int taskPid, String version) {}
