package dev.berth.cri.config;

import java.nio.file.Path;
import java.util.Optional;

/**
 * A way to run pods that a RuntimeClass can name.
 *
 * @param name what {@code runtime_handler} of a request says
 * @param shim absolute path of the shim v2 binary, or its bare name: then it is looked up beside
 *     {@code berthd} and in PATH
 * @param ociRuntime absolute path of the program that runc's shim is to call; empty for its default
 * @param cniConfDir where the network of its pods is described; empty for that of all
 * @param sandboxTask whether its shim wants a task for the pod itself, as gVisor and Kata do
 */
public record RuntimeHandler(
    String name,
    String shim,
    Optional<Path> ociRuntime,
    Optional<Path> cniConfDir,
    boolean sandboxTask) {
  /** The handler that needs no configuration: Berth's own shim. */
  public static final RuntimeHandler BERTH =
      new RuntimeHandler(
          "berth",
          dev.berth.sandbox.RuntimeHandler.OWN_SHIM,
          Optional.empty(),
          Optional.empty(),
          false);

  /** Tells whether its shim is Berth's own, under any name. */
  public boolean isOwn() {
    return Path.of(shim).endsWith(BERTH.shim);
  }
}
