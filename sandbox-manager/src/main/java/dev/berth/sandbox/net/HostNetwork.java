package dev.berth.sandbox.net;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Namespaces;
import java.util.Optional;
import java.util.concurrent.Callable;

/**
 * The network namespace that pods are attached to: where the bridge and the rules are.
 *
 * @param namespace empty for this process's own; it stays the caller's
 */
public record HostNetwork(Optional<Fd> namespace) {
  /** The namespace of this process. */
  public static final HostNetwork OWN = new HostNetwork(Optional.empty());

  /** Does something there. Sockets opened by it belong there wherever they are used. */
  <T> T call(Callable<T> work) {
    if (namespace.isPresent()) {
      return Namespaces.callInNetwork(namespace.get(), work);
    }
    try {
      return work.call();
    } catch (RuntimeException e) {
      throw e;
    } catch (Exception e) {
      throw new BerthException(INTERNAL, "pod network: " + e, e);
    }
  }
}
