package dev.berth.shim.client;

/**
 * What a shim of Berth's is.
 *
 * @param protocol of its extension of the task API: 1 is the first, which cannot tell its version
 * @param version of the program; empty if it cannot tell
 * @param pid of the process that serves
 */
public record ShimVersion(int protocol, String version, int pid) {
  /** The first protocol that has a call to hand over. */
  static final int HANDS_OVER = 2;
}
