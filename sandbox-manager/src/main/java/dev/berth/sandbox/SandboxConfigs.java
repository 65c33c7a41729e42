package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.LinuxSandboxSecurityContext;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import java.nio.file.Path;

/** Reads and checks what a sandbox's configuration says. */
final class SandboxConfigs {
  private static final int MAX_HOSTNAME = 64; // HOST_NAME_MAX of limits.h

  private SandboxConfigs() {}

  /**
   * Refuses what cannot be run, before anything is made.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field
   */
  static void check(PodSandboxConfig config) {
    requireHostname(config.getHostname());
    requireAbsolute("log_directory", config.getLogDirectory());
    LinuxSandboxSecurityContext security = config.getLinux().getSecurityContext();
    if (security.hasRunAsGroup() && !security.hasRunAsUser()) {
      throw new BerthException(INVALID_ARGUMENT, "run_as_group is set without run_as_user");
    }
    checkNamespaces(namespaces(config));
    PodIds.check(config);
    PodSysctls.of(config);
    PodNetwork.check(config);
    ResolvConf.of(config.getDnsConfig());
  }

  private static void checkNamespaces(NamespaceOption options) {
    requireMode("network", options.getNetwork(), NamespaceMode.POD, NamespaceMode.NODE);
    requireMode("ipc", options.getIpc(), NamespaceMode.POD, NamespaceMode.NODE);
    requireMode(
        "pid", options.getPid(), NamespaceMode.POD, NamespaceMode.CONTAINER, NamespaceMode.NODE);
  }

  private static void requireMode(String field, NamespaceMode mode, NamespaceMode... allowed) {
    for (NamespaceMode one : allowed) {
      if (one == mode) {
        return;
      }
    }
    throw new BerthException(
        INVALID_ARGUMENT, "namespace_options." + field + " cannot be " + mode + " for a sandbox");
  }

  static NamespaceOption namespaces(PodSandboxConfig config) {
    return config.getLinux().getSecurityContext().getNamespaceOptions();
  }

  static boolean hasHostNetwork(PodSandboxConfig config) {
    return namespaces(config).getNetwork() == NamespaceMode.NODE;
  }

  static boolean hasHostIpc(PodSandboxConfig config) {
    return namespaces(config).getIpc() == NamespaceMode.NODE;
  }

  private static void requireHostname(String hostname) {
    boolean plain =
        hostname.isEmpty()
            || (hostname.length() <= MAX_HOSTNAME
                && hostname.matches("[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?"));
    if (!plain) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "hostname \""
              + Ids.printable(hostname)
              + "\" is not a host name of at most "
              + MAX_HOSTNAME
              + " characters");
    }
  }

  /** Empty is fine; {@code ..} is not, since the path is joined with others (rule R11). */
  static void requireAbsolute(String field, String path) {
    if (path.isEmpty()) {
      return;
    }
    boolean clean =
        path.startsWith("/")
            && path.chars().noneMatch(Character::isISOControl)
            && Path.of(path).normalize().equals(Path.of(path));
    if (!clean) {
      throw new BerthException(
          INVALID_ARGUMENT,
          field + " \"" + Ids.printable(path) + "\" must be absolute and without '..'");
    }
  }
}
