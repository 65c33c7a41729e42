package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.proto.cri.v1.Capability;
import dev.berth.runtime.spec.CapabilityNames;
import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import java.util.TreeSet;

/** Works out the capabilities of a container, by the names of capabilities(7) with {@code CAP_}. */
final class ContainerCapabilities {
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
   * Returns the names of all that containers can have.
   *
   * @param available one bit each, see {@link HostFacts#capabilities}
   */
  static List<String> all(long available) {
    return available(CapabilityNames.all(), available);
  }

  private static List<String> available(Collection<String> names, long available) {
    return CapabilityNames.all().stream()
        .filter(names::contains)
        .filter(name -> (available >> CapabilityNames.number(name).orElseThrow() & 1) == 1)
        .toList();
  }

  /**
   * Applies additions and removals to the default set. {@code ALL} counts first, whatever its
   * place; then single names are added, then removed. What the node does not have itself is left
   * out, as runc does.
   *
   * @throws BerthException INVALID_ARGUMENT naming a capability that does not exist
   */
  static List<String> of(Capability change, long available) {
    List<String> added = names("capabilities.add_capabilities", change.getAddCapabilitiesList());
    List<String> dropped =
        names("capabilities.drop_capabilities", change.getDropCapabilitiesList());
    Set<String> result = new TreeSet<>(DEFAULT);
    if (added.contains("CAP_ALL")) {
      result.addAll(all(available));
    }
    if (dropped.contains("CAP_ALL")) {
      result.clear();
    }
    result.addAll(added);
    dropped.forEach(result::remove);
    result.remove("CAP_ALL");
    return available(result, available);
  }

  static List<String> names(String field, List<String> given) {
    List<String> names = new ArrayList<>();
    for (String name : given) {
      String full = name.toUpperCase(Locale.ROOT);
      full = full.startsWith("CAP_") ? full : "CAP_" + full;
      if (!full.equals("CAP_ALL") && CapabilityNames.number(full).isEmpty()) {
        throw new BerthException(
            INVALID_ARGUMENT, field + ": unknown capability \"" + Ids.printable(name) + "\"");
      }
      names.add(full);
    }
    return names;
  }
}
