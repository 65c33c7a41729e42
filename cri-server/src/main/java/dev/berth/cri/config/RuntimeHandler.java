package dev.berth.cri.config;

import java.util.Map;

/**
 * A way to run pods that a RuntimeClass can name.
 *
 * @param name what {@code runtime_handler} of a request says
 * @param shim absolute path of the shim v2 binary, or its bare name: then it is looked up beside
 *     {@code berthd} and in PATH
 * @param options handed to the shim as they are
 */
public record RuntimeHandler(String name, String shim, Map<String, String> options) {
  /** The handler that needs no configuration: Berth's own shim. */
  public static final RuntimeHandler BERTH =
      new RuntimeHandler("berth", "containerd-shim-berth-v2", Map.of());

  public RuntimeHandler {
    options = Map.copyOf(options);
  }
}
