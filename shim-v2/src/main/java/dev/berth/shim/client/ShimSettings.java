package dev.berth.shim.client;

import java.nio.file.Path;
import java.util.List;
import java.util.Map;

/**
 * What a runtime tells every shim about itself.
 *
 * @param namespace separates the tasks of several runtimes; one component of a path
 * @param address names this runtime; shims hash it into the path of their socket, so it must stay
 *     the same over restarts
 * @param eventsSocket where {@link ShimEvents} listens; shims connect to it when they start and
 *     again after a restart
 * @param publishBinary an absolute path of an executable, which shims of old ask to publish events
 * @param binaryDirectories where shim binaries are looked for before PATH
 * @param debug whether shims log more
 * @param environment variables for shims besides this process's own and those of the protocol,
 *     before which they go; Berth's shim knows {@code BERTH_RUN_DIR}, {@code BERTH_SHIM_CGROUP} and
 *     {@code BERTH_CRIU}
 */
public record ShimSettings(
    String namespace,
    String address,
    Path eventsSocket,
    Path publishBinary,
    List<Path> binaryDirectories,
    boolean debug,
    Map<String, String> environment) {
  /** Copies the collections. */
  public ShimSettings {
    binaryDirectories = List.copyOf(binaryDirectories);
    environment = Map.copyOf(environment);
  }

  /** Without further variables. */
  public ShimSettings(
      String namespace,
      String address,
      Path eventsSocket,
      Path publishBinary,
      List<Path> binaryDirectories,
      boolean debug) {
    this(namespace, address, eventsSocket, publishBinary, binaryDirectories, debug, Map.of());
  }
}
