package dev.berth.runtime.checkpoint;

import java.nio.file.Path;

/**
 * What a dump is to be like.
 *
 * @param images absolute path of an existing directory that gets CRIU's images
 * @param work absolute path of an existing directory that gets {@link #LOG} and {@code stats-dump}
 * @param leaveRunning whether the processes go on afterwards; else they are killed
 * @param tcpEstablished whether open TCP connections may be dumped; without, they make it fail
 * @param externalUnixSockets the same for unix sockets whose peer is outside
 * @param terminal whether the session's terminal may belong to a shell outside
 * @param fileLocks whether file locks may be dumped
 * @param cgroups what is kept of control groups
 */
public record DumpOptions(
    Path images,
    Path work,
    boolean leaveRunning,
    boolean tcpEstablished,
    boolean externalUnixSockets,
    boolean terminal,
    boolean fileLocks,
    CgroupsMode cgroups) {
  /** The name of CRIU's log. */
  public static final String LOG = "dump.log";
}
