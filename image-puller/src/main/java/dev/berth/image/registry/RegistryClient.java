package dev.berth.image.registry;

import dev.berth.image.oci.ImageReference;

/**
 * Talks to registries. Holds the connections; everything about one pull is in its {@link
 * RegistrySession}. Thread-safe.
 */
public final class RegistryClient implements AutoCloseable {
  private final RegistryHosts hosts;
  private final Patience patience;
  private final Http http;

  /** Nothing is opened or read yet. */
  public RegistryClient(RegistrySettings settings) {
    this.hosts = new RegistryHosts(settings.hostsDir());
    this.patience = settings.patience();
    this.http = new Http(patience);
  }

  /**
   * Starts a session: reads the hosts of the reference's registry; nothing is sent yet.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT if the hosts configuration is wrong
   */
  public RegistrySession open(ImageReference reference, Credentials credentials) {
    return new RegistrySession(
        http, patience, hosts.endpoints(reference.registry()), reference.repository(), credentials);
  }

  /** Closes all connections. Idempotent. */
  @Override
  public void close() {
    http.close();
  }
}
