package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NamespaceType;
import dev.berth.runtime.kernel.Namespaces;
import dev.berth.runtime.spec.Namespace;
import java.nio.file.Path;

/** Opens the namespaces that a spec joins by path; each must be of its type. */
final class NamespaceFiles {
  private NamespaceFiles() {}

  /**
   * Opens one, closed by the caller.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field if there is no such namespace
   */
  static Fd open(Namespace namespace) {
    String path = namespace.path();
    NamespaceType type = NamespaceType.ofSpecName(namespace.type()).orElse(null);
    if (path == null || type == null) {
      throw new IllegalArgumentException("not joined by path: " + namespace);
    }
    try {
      return Namespaces.open(Path.of(path), type);
    } catch (BerthException e) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "linux.namespaces " + namespace.type() + ": " + e.getMessage(),
          e);
    }
  }
}
