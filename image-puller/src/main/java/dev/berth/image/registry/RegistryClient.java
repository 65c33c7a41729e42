package dev.berth.image.registry;

import dev.berth.image.oci.ImageReference;
import java.util.List;
import java.util.Optional;

/**
 * Talks to registries. Holds the connections; everything about one pull is in its {@link
 * RegistrySession}. Thread-safe.
 */
public final class RegistryClient implements AutoCloseable {
  private final RegistryHosts hosts;
  private final Patience patience;
  private final Http http;
  private final Optional<DockerConfig> nodeCredentials;

  /**
   * Nothing is opened or read yet.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT if the environment names a proxy in a
   *     way that cannot be understood
   */
  public RegistryClient(RegistrySettings settings) {
    this.hosts = new RegistryHosts(settings.hostsDir());
    this.patience = settings.patience();
    this.http = new Http(patience, ProxyRules.of(settings.environment()));
    this.nodeCredentials =
        settings
            .dockerConfig()
            .map(file -> new DockerConfig(file, settings.environment(), patience.answer()));
  }

  /**
   * Starts a session: reads the hosts of the reference's registry; nothing is sent yet.
   *
   * @throws dev.berth.base.BerthException INVALID_ARGUMENT if the hosts configuration is wrong
   */
  public RegistrySession open(ImageReference reference, Credentials credentials) {
    List<EndpointClient> clients =
        hosts.endpoints(reference.registry()).stream()
            .map(endpoint -> client(endpoint, reference.repository(), credentials))
            .toList();
    return new RegistrySession(clients, reference.repository(), patience);
  }

  private EndpointClient client(Endpoint endpoint, String repository, Credentials credentials) {
    var authorizer =
        new Authorizer(
            http,
            endpoint,
            repository,
            new PullCredentials(
                credentials.forHost(endpoint.host()),
                nodeCredentials,
                endpoint.host(),
                repository));
    return new EndpointClient(http, patience, endpoint, repository, authorizer);
  }

  /** Closes all connections. Idempotent. */
  @Override
  public void close() {
    http.close();
  }
}
