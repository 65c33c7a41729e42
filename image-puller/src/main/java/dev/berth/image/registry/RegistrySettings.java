package dev.berth.image.registry;

import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What is configured of registries in general.
 *
 * @param hostsDir laid out as containerd's {@code certs.d}; read anew for every pull, need not
 *     exist
 * @param dockerConfig the node's own credentials in the form of Docker's {@code config.json}, for
 *     pulls that bring none; read anew each time, need not exist
 * @param environment names proxies ({@code HTTP_PROXY}, {@code HTTPS_PROXY}, {@code NO_PROXY}) and
 *     other authorities than the machine's ({@code SSL_CERT_FILE}, {@code SSL_CERT_DIR});
 *     credential helpers are looked up in its PATH and get all of it
 * @param patience how long a registry may take
 */
public record RegistrySettings(
    Path hostsDir,
    Optional<Path> dockerConfig,
    Map<String, String> environment,
    Patience patience) {
  public RegistrySettings {
    environment = Map.copyOf(environment);
  }

  /** A directory of hosts and nothing else: no credentials, no proxies. */
  public static RegistrySettings of(Path hostsDir) {
    return new RegistrySettings(hostsDir, Optional.empty(), Map.of(), Patience.DEFAULT);
  }

  /** The same with another patience. */
  public RegistrySettings with(Patience other) {
    return new RegistrySettings(hostsDir, dockerConfig, environment, other);
  }
}
