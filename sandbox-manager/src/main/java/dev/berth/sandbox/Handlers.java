package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;

/** Finds runtime handlers by the names that sandboxes were run with. */
final class Handlers {
  private final SandboxSettings settings;
  private final Registry registry;

  Handlers(SandboxSettings settings, Registry registry) {
    this.settings = settings;
    this.registry = registry;
  }

  /**
   * Returns a handler.
   *
   * @param name empty for the default one
   * @throws BerthException NOT_FOUND naming the handlers there are
   */
  RuntimeHandler require(String name) {
    RuntimeHandler handler =
        settings.handlers().get(name.isEmpty() ? settings.defaultHandler() : name);
    if (handler == null) {
      throw new BerthException(
          NOT_FOUND,
          "runtime_handler \""
              + Ids.printable(name)
              + "\" is none of "
              + settings.handlers().keySet());
    }
    return handler;
  }

  RuntimeHandler of(Container container) {
    return require(
        registry.sandboxes.require(container.record().sandboxId()).record().runtimeHandler());
  }
}
