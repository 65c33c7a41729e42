package dev.berth.image.registry;

import dev.berth.image.oci.ImageReference;

/**
 * Talks to registries. Holds the connections; everything about one pull is in its {@link
 * RegistrySession}. Thread-safe.
 */
public final class RegistryClient implements AutoCloseable {
  private final RegistryHosts hosts;
  private final Http http = new Http();

  public RegistryClient(RegistryHosts hosts) {
    this.hosts = hosts;
  }

  /**
   * Starts a session: reads the hosts of the reference's registry; nothing is sent yet.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT if the hosts configuration is wrong
   */
  public RegistrySession open(ImageReference reference, Credentials credentials) {
    return new RegistrySession(
        http, hosts.endpoints(reference.registry()), reference.repository(), credentials);
  }

  /** Closes all connections. Idempotent. */
  @Override
  public void close() {
    http.close();
  }
}
