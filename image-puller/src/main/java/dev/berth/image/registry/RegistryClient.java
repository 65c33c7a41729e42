package dev.berth.image.registry;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import java.util.List;

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
            new PushSession(http, endpoint, reference.repository(), credentials, chunkBytes))
        .orElseThrow(() ->
            new BerthException(
                BerthException.Kind.FAILED_PRECONDITION,
                "hosts.toml gives no host the capability PUSH for " + reference.name()));
  }

  /** Tells of each host of a registry, in the order in which they are asked. */
  public List<HostReport> explain(
      ImageReference reference, Credentials credentials, Operation operation) {
    return hosts.endpoints(reference.registry()).stream()
        .map(endpoint -> new HostProbe(http, endpoint, credentials).run(reference, operation))
        .toList();
  }

  /** Closes all connections. Idempotent. */
  @Override
  public void close() {
    http.close();
  }
}
