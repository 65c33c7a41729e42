package dev.berth.sandbox.spec;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.Capabilities;
import dev.berth.runtime.spec.RuntimeSpec;
import dev.berth.runtime.spec.User;
import java.util.List;

/**
 * Writes whom the program runs as and what it may do.
 *
 * <p>Capabilities are never inheritable or ambient (rule R5) unless CRI asks for ambient ones,
 * which cannot be without being inheritable. The OOM score is always written: what is inherited
 * would be the runtime's own.
 */
final class PrivilegesPart implements SpecAdjuster {
  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    var ids = input.user().ids();
    List<String> granted = granted(input);
    List<String> ambient =
        ContainerCapabilities.names(
            "capabilities.add_ambient_capabilities",
            input.security().getCapabilities().getAddAmbientCapabilitiesList());
    requireGranted(ambient, granted);
    return SpecParts.process(
        spec,
        process ->
            process
                .user(new User(ids.uid(), ids.gid(), null, ids.supplementalGroups()))
                .capabilities(new Capabilities(granted, granted, ambient, granted, ambient))
                .noNewPrivileges(input.security().getNoNewPrivs())
                .oomScoreAdj(ContainerLimits.oomScoreAdj(input.resources())));
  }

  /** The kernel takes none that is not permitted, see capabilities(7). */
  private static void requireGranted(List<String> ambient, List<String> granted) {
    for (String capability : ambient) {
      if (!granted.contains(capability)) {
        throw new BerthException(
            INVALID_ARGUMENT,
            "capabilities.add_ambient_capabilities: "
                + capability
                + " is not among the capabilities of the container");
      }
    }
  }

  static List<String> granted(SpecInput input) {
    long available = input.host().capabilities();
    return input.isPrivileged()
        ? ContainerCapabilities.all(available)
        : ContainerCapabilities.of(input.security().getCapabilities(), available);
  }
}
