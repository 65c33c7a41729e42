package dev.berth.image.registry;

import java.nio.file.Path;

/**
 * What is configured of registries in general.
 *
 * @param hostsDir laid out as containerd's {@code certs.d}; read anew for every pull, need not
 *     exist
 * @param patience how long a registry may take
 */
public record RegistrySettings(Path hostsDir, Patience patience) {
  /** The usual settings with a directory of hosts. */
  public static RegistrySettings of(Path hostsDir) {
    return new RegistrySettings(hostsDir, Patience.DEFAULT);
  }

  /** The same with another patience. */
  public RegistrySettings with(Patience other) {
    return new RegistrySettings(hostsDir, other);
  }
}
