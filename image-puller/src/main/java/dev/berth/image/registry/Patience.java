package dev.berth.image.registry;

import java.time.Duration;

/**
 * How long a registry may take before it counts as stuck. There is no limit on a whole pull: what
 * counts is that bytes arrive.
 *
 * <p>Only time spent waiting for the network is measured. While unpacking is the brake nobody waits
 * for the registry, and a connection may be silent for as long as that takes.
 *
 * @param answer from a request to the headers of its answer, the connection being there
 * @param silence longest wait for a single byte of a body
 * @param window stretch of waiting in which {@code windowBytes} must arrive
 * @param windowBytes the least that counts as progress, of a window and of a connection
 * @param connections in a row that may end without progress until a download is given up
 */
public record Patience(
    Duration answer, Duration silence, Duration window, long windowBytes, int connections) {
  /** What a node needs: a stuck registry fails after one to four minutes, by how it is stuck. */
  public static final Patience DEFAULT =
      new Patience(
          Duration.ofSeconds(30), Duration.ofSeconds(20), Duration.ofSeconds(60), 64 * 1024, 4);
}
