package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.Mount;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import java.util.List;
import java.util.function.BooleanSupplier;

/**
 * Refuses what a runtime handler cannot do: the features that CRI's Status tells of each. Whoever
 * asks for one regardless must not get less than that.
 */
final class HandlerFeatures {
  private final Handlers handlers;
  private final BooleanSupplier userNamespaces;

  /**
   * @param userNamespaces tells whether Berth's own handlers can have user namespaces here
   */
  HandlerFeatures(Handlers handlers, BooleanSupplier userNamespaces) {
    this.handlers = handlers;
    this.userNamespaces = userNamespaces;
  }

  /**
   * Checks what a sandbox asks for.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field and the handler
   */
  void check(PodSandboxConfig config, String runtimeHandler) {
    if (PodIds.of(config).isEmpty()) {
      return;
    }
    RuntimeHandler handler = handlers.require(runtimeHandler);
    if (!handler.isOwn() || !userNamespaces.getAsBoolean()) {
      throw refused("namespace_options.userns_options: user namespaces", handler);
    }
  }

  /**
   * Checks what a container asks for.
   *
   * @throws BerthException INVALID_ARGUMENT naming the mount and the handler
   */
  void check(ContainerConfig config, String runtimeHandler) {
    List<Mount> mounts = config.getMountsList();
    for (int i = 0; i < mounts.size(); i++) {
      Mount mount = mounts.get(i);
      if (mount.getRecursiveReadOnly() && !handlers.require(runtimeHandler).isOwn()) {
        throw refused(
            "mounts["
                + i
                + "] "
                + Ids.printable(mount.getContainerPath())
                + ": recursive_read_only mounts",
            handlers.require(runtimeHandler));
      }
    }
  }

  private static BerthException refused(String what, RuntimeHandler handler) {
    return new BerthException(
        INVALID_ARGUMENT, what + " are no feature of runtime handler " + handler.name());
  }
}
