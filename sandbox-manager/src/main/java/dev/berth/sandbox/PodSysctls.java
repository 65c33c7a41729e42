package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.runtime.spec.SysctlName;
import java.util.Comparator;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * The kernel parameters of a sandbox: those asked for, and two defaults that spare pods two
 * capabilities, binding low ports and sending pings.
 *
 * <p>Only parameters that belong to a namespace of the sandbox's own may be set, and a value is
 * written as it is, by one write to one file (rule R8).
 */
final class PodSysctls {
  private static final Map<String, String> NETWORK_DEFAULTS =
      Map.of(
          "net.ipv4.ip_unprivileged_port_start", "0", "net.ipv4.ping_group_range", "0 2147483647");

  private PodSysctls() {}

  /**
   * Returns the parameters to set and their values, in the order of their names.
   *
   * @throws BerthException INVALID_ARGUMENT naming a parameter that belongs to the host
   */
  static Map<SysctlName, String> of(PodSandboxConfig config) {
    Map<SysctlName, String> settings = new TreeMap<>(Comparator.comparing(SysctlName::path));
    boolean ownNetwork = !SandboxConfigs.hasHostNetwork(config);
    if (ownNetwork) {
      NETWORK_DEFAULTS.forEach((name, value) -> settings.put(SysctlName.parse(name), value));
    }
    config
        .getLinux()
        .getSysctlsMap()
        .forEach((name, value) -> settings.put(own(config, name), requireValue(name, value)));
    return settings;
  }

  private static SysctlName own(PodSandboxConfig config, String text) {
    SysctlName name = parse(text);
    Optional<String> namespace = name.namespace();
    boolean isOwn =
        switch (namespace.orElse("")) {
          case "network" -> !SandboxConfigs.hasHostNetwork(config);
          case "uts" -> !SandboxConfigs.hasHostNetwork(config);
          case "ipc" -> !SandboxConfigs.hasHostIpc(config);
          default -> false;
        };
    if (!isOwn) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "linux.sysctls: "
              + Ids.printable(text)
              + " does not belong to a namespace of this sandbox");
    }
    return name;
  }

  private static SysctlName parse(String text) {
    try {
      return SysctlName.parse(text);
    } catch (IllegalArgumentException e) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "linux.sysctls: \"" + Ids.printable(text) + "\" is " + e.getMessage(),
          e);
    }
  }

  private static String requireValue(String name, String value) {
    if (value.isEmpty() || value.chars().anyMatch(c -> c != '\t' && Character.isISOControl(c))) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "linux.sysctls: value \""
              + Ids.printable(value)
              + "\" of "
              + Ids.printable(name)
              + " is empty or holds control characters");
    }
    return value;
  }
}
