package dev.berth.cri.config;

import java.nio.file.Path;
import java.time.Duration;

/**
 * Where plugins of the Node Resource Interface connect, and how long they may take.
 *
 * @param socket absolute
 * @param sharedPath whether it is the path at which every plugin looks, and any runtime of the
 *     machine may be
 * @param registrationTimeout for a plugin to register, and then to take in what there is
 * @param requestTimeout for any other answer
 */
public record NriAccess(
    Path socket, boolean sharedPath, Duration registrationTimeout, Duration requestTimeout) {}
