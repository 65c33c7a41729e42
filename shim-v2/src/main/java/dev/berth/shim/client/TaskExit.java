package dev.berth.shim.client;

import java.time.Instant;

/**
 * How a process ended.
 *
 * @param pid as the host sees it; 0 where the shim did not say
 * @param status exit code, or 128 and the number of the signal that ended it
 * @param exitedAt when, by the shim's clock
 */
public record TaskExit(int pid, int status, Instant exitedAt) {}
