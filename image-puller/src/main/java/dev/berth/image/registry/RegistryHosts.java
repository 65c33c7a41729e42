package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.file.DirectoryStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.stream.Stream;

/**
 * Finds the servers of a registry in a directory that is laid out as containerd's {@code certs.d}:
 * {@code HOST_PORT_/hosts.toml}, {@code HOST:PORT/hosts.toml} or {@code _default/hosts.toml}.
 *
 * <p>A directory without that file is read as Docker does: {@code *.crt} are authorities to trust,
 * {@code X.cert} and {@code X.key} what this node shows of itself. With either, TLS is spoken also
 * to this machine itself.
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
        .map(folder -> inside(folder, registry))
        .orElseGet(() -> List.of(Endpoint.ofRegistry(registry)));
  }

  private static List<Endpoint> inside(Path folder, String registry) {
    Path file = folder.resolve("hosts.toml");
    if (Files.exists(file)) {
      return HostsToml.parse(file, registry);
    }
    Endpoint plain = Endpoint.ofRegistry(registry);
    Endpoint.Tls tls = certificates(folder);
    return List.of(tls.equals(Endpoint.Tls.DEFAULT) ? plain : plain.secured(tls));
  }

  private static Endpoint.Tls certificates(Path folder) {
    List<Path> authorities = new ArrayList<>();
    List<Endpoint.ClientKey> clients = new ArrayList<>();
    try (DirectoryStream<Path> files = Files.newDirectoryStream(folder, "*.{crt,cert}")) {
      for (Path file : files) {
        String name = file.getFileName().toString();
        if (name.endsWith(".crt")) {
          authorities.add(file);
        } else {
          Path key = file.resolveSibling(name.substring(0, name.length() - 4) + "key");
          clients.add(new Endpoint.ClientKey(file, key));
        }
      }
    } catch (IOException e) {
      throw new BerthException(INVALID_ARGUMENT, "cannot read " + folder + ": " + e, e);
    }
    Collections.sort(authorities); // a directory has no order, and the settings are compared
    clients.sort(Comparator.comparing(Endpoint.ClientKey::certificate));
    return Endpoint.Tls.of(false, authorities, clients);
  }

  private Stream<Path> candidates(String registry) {
    int colon = registry.lastIndexOf(':');
    boolean port = colon > 0 && !registry.endsWith("]");
    String underscored =
        port ? registry.substring(0, colon) + "_" + registry.substring(colon + 1) + "_" : registry;
    return Stream.of(underscored, registry, "_default").distinct().map(directory::resolve);
  }
}
