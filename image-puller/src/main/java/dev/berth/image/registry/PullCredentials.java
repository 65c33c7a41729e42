package dev.berth.image.registry;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.Operation;
import java.util.Optional;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * What one pull may show to one host: what its caller gave it for that host, else what the node
 * has.
 *
 * <p>The node's are looked up once, and only when the host asks: a helper may take its time.
 * Thread-safe.
 */
final class PullCredentials {
  private final Credentials own;
  private final Optional<DockerConfig> node;
  private final String host;
  private final String repository;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private @Nullable Credentials found;

  /**
   * Nothing is looked up yet.
   *
   * @param own of the caller, for this host; anonymous for none
   * @param node empty if none are configured
   */
  PullCredentials(Credentials own, Optional<DockerConfig> node, String host, String repository) {
    this.own = own;
    this.node = node;
    this.host = host;
    this.repository = repository;
  }

  /** The caller's own. */
  Credentials own() {
    return own;
  }

  /**
   * The caller's own or the node's; anonymous if there are neither.
   *
   * @throws dev.berth.base.BerthException FAILED_PRECONDITION if the node's cannot be looked up
   */
  Credentials known(Operation operation) {
    if (node.isEmpty() || !(own instanceof Credentials.Anonymous)) {
      return own;
    }
    lock.lock();
    try {
      Credentials known = found;
      if (known == null) {
        known = node.get().credentials(host, repository, operation);
        found = known;
      }
      return known;
    } finally {
      lock.unlock();
    }
  }
}
