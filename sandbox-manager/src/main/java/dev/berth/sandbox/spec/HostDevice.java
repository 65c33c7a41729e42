package dev.berth.sandbox.spec;

/**
 * A device of the host that goes into a container.
 *
 * @param containerPath absolute path of its node in the container
 * @param type {@code c} or {@code b}
 * @param mode permission bits of the node
 * @param access letters of {@code rwm}: what the container may do with it
 */
public record HostDevice(
    String containerPath,
    String type,
    long major,
    long minor,
    int mode,
    long uid,
    long gid,
    String access) {}
