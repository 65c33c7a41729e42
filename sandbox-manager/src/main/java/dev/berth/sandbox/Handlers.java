package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.Optional;

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
    return find(name)
        .orElseThrow(() ->
            new BerthException(
                NOT_FOUND,
                "runtime_handler \""
                    + Ids.printable(name)
                    + "\" is none of "
                    + settings.handlers().keySet()));
  }

  private Optional<RuntimeHandler> find(String name) {
    return Optional.ofNullable(
        settings.handlers().get(name.isEmpty() ? settings.defaultHandler() : name));
  }

  /** Returns the type of a sandbox's runtime; empty if its handler is configured no more. */
  String typeOf(String sandboxId) {
    return registry
        .sandboxes
        .find(sandboxId)
        .flatMap(sandbox -> find(sandbox.record().runtimeHandler()))
        .map(RuntimeHandler::type)
        .orElse("");
  }

  RuntimeHandler of(Container container) {
    return require(
        registry.sandboxes.require(container.record().sandboxId()).record().runtimeHandler());
  }
}
