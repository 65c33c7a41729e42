package dev.berth.image.registry;

import static dev.berth.base.BerthException.Kind.KUBELET_REASON;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.registry.Attempts.Effort;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/**
 * Asks the hosts of a registry in order until one has an answer.
 *
 * <p>Hosts that did not answer lately are passed over, and asked after all when even the registry
 * itself, which is the last, cannot be reached. Not thread-safe.
 */
final class HostTour<T> {
  /** Asks one host. */
  interface Attempt<T> {
    T on(EndpointClient client, Effort effort);
  }

  private final List<EndpointClient> hosts;
  private final Operation operation;
  private final Attempt<T> attempt;
  private final List<EndpointClient> avoided = new ArrayList<>();
  private final List<String> before = new ArrayList<>();

  /** Prepares a tour of at least one host. */
  HostTour(List<EndpointClient> hosts, Operation operation, Attempt<T> attempt) {
    this.hosts = hosts;
    this.operation = operation;
    this.attempt = attempt;
  }

  /**
   * Returns the first answer.
   *
   * @throws BerthException of the last host, which counts most; its message has the others' too
   */
  T run() {
    for (EndpointClient mirror : hosts.subList(0, hosts.size() - 1)) {
      Optional<T> answer = ofMirror(mirror);
      if (answer.isPresent()) {
        return answer.get();
      }
    }
    try {
      return attempt.on(hosts.getLast(), Effort.PERSISTENT);
    } catch (BerthException e) {
      operation.check(); // a cancelled request looks like a broken one
      return ofAvoided(e);
    }
  }

  private Optional<T> ofMirror(EndpointClient mirror) {
    Optional<String> why = mirror.avoid();
    if (why.isPresent()) {
      avoided.add(mirror);
      before.add("registry " + mirror.host() + " is left alone for now: " + why.get());
      return Optional.empty();
    }
    try {
      return Optional.of(attempt.on(mirror, Effort.ONCE));
    } catch (BerthException e) {
      operation.check();
      before.add(String.valueOf(e.getMessage()));
      return Optional.empty();
    }
  }

  private T ofAvoided(BerthException failure) {
    if (failure.kind() == KUBELET_REASON) {
      for (EndpointClient mirror : avoided) {
        try {
          return attempt.on(mirror, Effort.ONCE);
        } catch (BerthException e) {
          operation.check();
          before.add(String.valueOf(e.getMessage()));
        }
      }
    }
    if (before.isEmpty()) {
      throw failure;
    }
    String message =
        failure.getMessage() + "; before that " + String.join("; before that ", before);
    throw new BerthException(failure.kind(), message, failure);
  }
}
