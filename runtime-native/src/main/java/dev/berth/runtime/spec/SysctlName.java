package dev.berth.runtime.spec;

import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * The name of a kernel parameter and the namespace that keeps it from the host.
 *
 * <p>sysctl(8)'s rule for separators: where the first separator is a slash, dots belong to the
 * names ({@code net/ipv4/conf/eth0.1/forwarding}); otherwise dots separate and a slash stands for a
 * dot.
 *
 * @param components the path below /proc/sys, none of them empty, {@code .} or {@code ..}
 */
public record SysctlName(List<String> components) {
  private static final Set<String> IPC =
      Set.of(
          "kernel/msgmax",
          "kernel/msgmnb",
          "kernel/msgmni",
          "kernel/sem",
          "kernel/shmall",
          "kernel/shmmax",
          "kernel/shmmni",
          "kernel/shm_rmid_forced");

  /**
   * Checks and keeps the components.
   *
   * @throws IllegalArgumentException if one of them is empty, {@code .} or {@code ..}
   */
  public SysctlName {
    components = List.copyOf(components);
    for (String component : components) {
      if (component.isEmpty()
          || component.equals(".")
          || component.equals("..")
          || component.indexOf('/') >= 0
          || component.chars().anyMatch(Character::isISOControl)) {
        throw new IllegalArgumentException("not the name of a kernel parameter");
      }
    }
  }

  /**
   * Reads a name as config.json and the CRI write it.
   *
   * @throws IllegalArgumentException if it is none
   */
  public static SysctlName parse(String name) {
    int dot = name.indexOf('.');
    int slash = name.indexOf('/');
    boolean slashSeparates = slash >= 0 && (dot < 0 || slash < dot);
    if (slashSeparates) {
      return new SysctlName(List.of(name.split("/", -1)));
    }
    List<String> parts = List.of(name.split("\\.", -1));
    return new SysctlName(parts.stream().map(part -> part.replace('/', '.')).toList());
  }

  /** Returns the path below /proc/sys. */
  public String path() {
    return String.join("/", components);
  }

  /**
   * Returns the namespace type that isolates this parameter, empty if none does and setting it
   * would change the host.
   */
  public Optional<String> namespace() {
    String path = path();
    if (IPC.contains(path) || path.startsWith("fs/mqueue/")) {
      return Optional.of("ipc");
    }
    if (path.startsWith("net/")) {
      return Optional.of("network");
    }
    if (path.equals("kernel/domainname")) {
      return Optional.of("uts");
    }
    return path.startsWith("user/") ? Optional.of("user") : Optional.empty();
  }
}
