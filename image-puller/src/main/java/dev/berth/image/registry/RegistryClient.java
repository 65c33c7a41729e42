package dev.berth.image.registry;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
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
    this.http = new Http(settings);
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
    return new EndpointClient(
        http, patience, endpoint, repository, authorizer(endpoint, repository, credentials));
  }

  private Authorizer authorizer(Endpoint endpoint, String repository, Credentials credentials) {
    return new Authorizer(http, endpoint, repository, shown(endpoint, repository, credentials));
  }

  private PullCredentials shown(Endpoint endpoint, String repository, Credentials credentials) {
    return new PullCredentials(
        credentials.forHost(endpoint.host()), nodeCredentials, endpoint.host(), repository);
  }

  /**
   * Starts a session that pushes; nothing is sent yet.
   *
   * @throws dev.berth.base.BerthException FAILED_PRECONDITION if no host of the registry may be
   *     pushed to, INVALID_ARGUMENT if the hosts configuration is wrong
   */
  public PushSession openPush(ImageReference reference, Credentials credentials) {
    return openPush(reference, credentials, PushSession.CHUNK_BYTES);
  }

  /** As above, with another size of pieces. */
  PushSession openPush(ImageReference reference, Credentials credentials, int chunkBytes) {
    return hosts.endpoints(reference.registry()).stream()
        .filter(endpoint -> endpoint.can(Endpoint.Capability.PUSH))
        .findFirst()
        .map(endpoint ->
            new PushSession(
                http,
                endpoint,
                reference.repository(),
                authorizer(endpoint, reference.repository(), credentials),
                chunkBytes))
        .orElseThrow(() ->
            new BerthException(
                BerthException.Kind.FAILED_PRECONDITION,
                "hosts.toml gives no host the capability PUSH for " + reference.name()));
  }

  /** Tells of each host of a registry, in the order in which they are asked. */
  public List<HostReport> explain(
      ImageReference reference, Credentials credentials, Operation operation) {
    return hosts.endpoints(reference.registry()).stream()
        .map(endpoint ->
            new HostProbe(http, endpoint, shown(endpoint, reference.repository(), credentials))
                .run(reference, operation))
        .toList();
  }

  /** Closes all connections. Idempotent. */
  @Override
  public void close() {
    http.close();
  }
}
