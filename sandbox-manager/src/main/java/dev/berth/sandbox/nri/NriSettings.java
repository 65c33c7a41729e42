package dev.berth.sandbox.nri;

import java.nio.file.Path;
import java.time.Duration;

/**
 * How plugins find the runtime, and how long they may take.
 *
 * @param socket where they connect, absolute
 * @param sharedPath whether the path is the one that all runtimes of a machine have by default:
 *     where another one has it already, there are no plugins here
 * @param runtimeVersion version that plugins are told
 * @param registrationTimeout how long a plugin may take to register, and then to synchronize
 * @param requestTimeout how long it may take to answer any other request
 */
public record NriSettings(
    Path socket,
    boolean sharedPath,
    String runtimeVersion,
    Duration registrationTimeout,
    Duration requestTimeout) {}
