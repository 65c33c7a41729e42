package dev.berth.sandbox;

import dev.berth.base.BerthException;
import java.nio.file.Path;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * A runtime handler: which shim runs the containers of a sandbox.
 *
 * @param name what RuntimeClass.handler says
 * @param shim absolute path of the shim v2 binary
 * @param ociRuntime absolute path of the program that runc's shim is to call; empty for its default
 * @param sandboxTask whether the shim wants a task for the pod itself, before those of containers
 */
public record RuntimeHandler(
    String name, Path shim, Optional<Path> ociRuntime, boolean sandboxTask) {
  /** The file name of Berth's own shim. */
  public static final String OWN_SHIM = "containerd-shim-berth-v2";

  /** How containerd finds a runtime's shim by its type. */
  private static final Pattern SHIM =
      Pattern.compile(".*/containerd-shim-(?<name>.+)-(?<version>v[0-9]+)");

  public RuntimeHandler {
    if (!shim.isAbsolute()) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "runtime handler " + name + ": the shim's path is not absolute: " + shim);
    }
  }

  /**
   * Tells whether its shim is Berth's own. What others can do beyond the OCI specification is not
   * known: to a mount that is recursively read-only, for one, they may give a plain one.
   */
  public boolean isOwn() {
    return shim.endsWith(OWN_SHIM);
  }

  /** Returns what containerd calls such a runtime: {@code io.containerd.runc.v2}. */
  public String type() {
    Matcher name = SHIM.matcher(shim.toString());
    return name.matches()
        ? "io.containerd." + name.group("name") + "." + name.group("version")
        : shim.toString();
  }
}
