package dev.berth.image.registry;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * Finds the servers of a registry in a directory that is laid out as containerd's {@code certs.d}:
 * {@code HOST_PORT_/hosts.toml}, {@code HOST:PORT/hosts.toml} or {@code _default/hosts.toml}.
 *
 * <p>Read anew for every pull, so that a change needs no restart. Thread-safe.
 */
final class RegistryHosts {
  private final Path directory;

  /** Looks below {@code directory}, which need not exist. */
  RegistryHosts(Path directory) {
    this.directory = directory;
  }

  /**
   * Returns the servers to ask, in order; the registry itself is the last.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT naming file, line and key if a
   *     configuration is wrong
   */
  List<Endpoint> endpoints(String registry) {
    return candidates(registry)
        .filter(Files::isDirectory)
        .findFirst()
        .map(folder -> folder.resolve("hosts.toml"))
        .filter(Files::exists)
        .map(file -> HostsToml.parse(file, registry))
        .orElseGet(() -> List.of(Endpoint.ofRegistry(registry)));
  }

  private Stream<Path> candidates(String registry) {
    int colon = registry.lastIndexOf(':');
    boolean port = colon > 0 && !registry.endsWith("]");
    String underscored =
        port ? registry.substring(0, colon) + "_" + registry.substring(colon + 1) + "_" : registry;
    return Stream.of(underscored, registry, "_default").distinct().map(directory::resolve);
  }
}
