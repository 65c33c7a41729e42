package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.Capability;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** Works out the capabilities of a container, by the names of capabilities(7) with {@code CAP_}. */
final class ContainerCapabilities {
  /** All capabilities by number, see linux/capability.h. */
  private static final List<String> ALL =
      List.of(
          "CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_DAC_READ_SEARCH",
          "CAP_FOWNER",
          "CAP_FSETID",
          "CAP_KILL",
          "CAP_SETGID",
          "CAP_SETUID",
          "CAP_SETPCAP",
          "CAP_LINUX_IMMUTABLE",
          "CAP_NET_BIND_SERVICE",
          "CAP_NET_BROADCAST",
          "CAP_NET_ADMIN",
          "CAP_NET_RAW",
          "CAP_IPC_LOCK",
          "CAP_IPC_OWNER",
          "CAP_SYS_MODULE",
          "CAP_SYS_RAWIO",
          "CAP_SYS_CHROOT",
          "CAP_SYS_PTRACE",
          "CAP_SYS_PACCT",
          "CAP_SYS_ADMIN",
          "CAP_SYS_BOOT",
          "CAP_SYS_NICE",
          "CAP_SYS_RESOURCE",
          "CAP_SYS_TIME",
          "CAP_SYS_TTY_CONFIG",
          "CAP_MKNOD",
          "CAP_LEASE",
          "CAP_AUDIT_WRITE",
          "CAP_AUDIT_CONTROL",
          "CAP_SETFCAP",
          "CAP_MAC_OVERRIDE",
          "CAP_MAC_ADMIN",
          "CAP_SYSLOG",
          "CAP_WAKE_ALARM",
          "CAP_BLOCK_SUSPEND",
          "CAP_AUDIT_READ",
          "CAP_PERFMON",
          "CAP_BPF",
          "CAP_CHECKPOINT_RESTORE");

  /** What a container has unless told otherwise: the set that images are written for. */
  private static final List<String> DEFAULT =
      List.of(
          "CAP_CHOWN",
          "CAP_DAC_OVERRIDE",
          "CAP_FSETID",
          "CAP_FOWNER",
          "CAP_MKNOD",
          "CAP_NET_RAW",
          "CAP_SETGID",
          "CAP_SETUID",
          "CAP_SETFCAP",
          "CAP_SETPCAP",
          "CAP_NET_BIND_SERVICE",
          "CAP_SYS_CHROOT",
          "CAP_KILL",
          "CAP_AUDIT_WRITE");

  private ContainerCapabilities() {}

  /**
   * Returns all that a kernel knows.
   *
   * @param lastCapability content of /proc/sys/kernel/cap_last_cap
   */
  static List<String> all(int lastCapability) {
    return ALL.subList(0, Math.min(lastCapability + 1, ALL.size()));
  }

  /**
   * Applies additions and removals to the default set. {@code ALL} counts first, whatever its
   * place; then single names are added, then removed.
   *
   * @throws BerthException INVALID_ARGUMENT naming a capability that does not exist
   */
  static List<String> of(Capability change, int lastCapability) {
    List<String> added = names("capabilities.add_capabilities", change.getAddCapabilitiesList());
    List<String> dropped = names("capabilities.drop_capabilities", change.getDropCapabilitiesList());
    Set<String> result = new TreeSet<>(DEFAULT);
    if (added.contains("CAP_ALL")) {
      result.addAll(all(lastCapability));
    }
    if (dropped.contains("CAP_ALL")) {
      result.clear();
    }
    result.addAll(added);
    dropped.forEach(result::remove);
    result.remove("CAP_ALL");
    return ALL.stream().filter(result::contains).toList();
  }

  static List<String> names(String field, List<String> given) {
    List<String> names = new ArrayList<>();
    for (String name : given) {
      String full = name.toUpperCase(Locale.ROOT);
      full = full.startsWith("CAP_") ? full : "CAP_" + full;
      if (!full.equals("CAP_ALL") && !ALL.contains(full)) {
        throw new BerthException(
            INVALID_ARGUMENT, field + ": unknown capability \"" + Ids.printable(name) + "\"");
      }
      names.add(full);
    }
    return names;
  }
}
