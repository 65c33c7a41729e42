package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.proto.cri.v1.ContainerConfig;
import dev.berth.proto.cri.v1.IDMapping;
import dev.berth.proto.cri.v1.LinuxSandboxSecurityContext;
import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.proto.cri.v1.NamespaceOption;
import dev.berth.proto.cri.v1.PodSandboxConfig;
import dev.berth.proto.cri.v1.UserNamespace;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.sandbox.spec.CriMappings;
import java.util.List;

/**
 * Reads which ids a sandbox has: those of a user namespace of its own, or the host's.
 *
 * <p>The rules are those of CRI's {@code UserNamespace}: one range each, from 0 on. The kubelet
 * gives every pod a multiple of 65536 ids, other clients at least as many.
 */
final class PodIds {
  /** With fewer, nobody (65534) and what images use would be missing. */
  private static final long LEAST = 65_536;

  private static final long ID_SPACE = 0xFFFF_FFFFL; // the last id stands for none

  private PodIds() {}

  /** Returns the mappings of a sandbox's own user namespace; none if it is in the host's. */
  static IdMappings of(PodSandboxConfig config) {
    return of(SandboxConfigs.namespaces(config));
  }

  private static IdMappings of(NamespaceOption options) {
    UserNamespace wanted = options.getUsernsOptions();
    return options.hasUsernsOptions() && wanted.getMode() == NamespaceMode.POD
        ? new IdMappings(CriMappings.of(wanted.getUidsList()), CriMappings.of(wanted.getGidsList()))
        : IdMappings.NONE;
  }

  /**
   * Checks the user namespace that a sandbox asks for, and that nothing else it asks for
   * contradicts it.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field
   */
  static void check(PodSandboxConfig config) {
    LinuxSandboxSecurityContext security = config.getLinux().getSecurityContext();
    NamespaceOption options = security.getNamespaceOptions();
    check(options);
    if (of(options).isEmpty()) {
      return;
    }
    require(!security.getPrivileged(), "a privileged sandbox cannot have a user namespace");
    require(
        options.getPid() != NamespaceMode.NODE,
        "the host's pid namespace cannot be used in a user namespace");
    require(
        options.getIpc() != NamespaceMode.NODE,
        "the host's ipc namespace cannot be used in a user namespace");
  }

  private static void check(NamespaceOption options) {
    if (!options.hasUsernsOptions()) {
      return;
    }
    UserNamespace wanted = options.getUsernsOptions();
    switch (wanted.getMode()) {
      case POD -> {
        checkRange("uids", wanted.getUidsList());
        checkRange("gids", wanted.getGidsList());
      }
      case NODE ->
          require(
              wanted.getUidsCount() == 0 && wanted.getGidsCount() == 0,
              "mode NODE takes no mappings");
      case CONTAINER, TARGET, UNRECOGNIZED ->
          throw refused("mode " + wanted.getMode() + " is neither POD nor NODE");
    }
  }

  private static void checkRange(String field, List<IDMapping> given) {
    List<IdMapping> mappings = CriMappings.of(given);
    require(
        mappings.size() == 1, field + " has " + mappings.size() + " mappings, mode POD takes one");
    IdMapping map = mappings.getFirst();
    require(map.containerID() == 0, field + "[0].container_id is not 0");
    require(map.size() >= LEAST, field + "[0].length " + map.size() + " is less than " + LEAST);
    require(
        map.hostID() + map.size() <= ID_SPACE, field + "[0] goes beyond the ids that the host has");
  }

  /**
   * Checks that a container asks for the user namespace that its sandbox has.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field
   */
  static void check(ContainerConfig config, PodSandboxConfig sandbox) {
    NamespaceOption options = config.getLinux().getSecurityContext().getNamespaceOptions();
    check(options);
    require(of(options).equals(of(sandbox)), "differs from that of the sandbox");
    if (!of(sandbox).isEmpty()) {
      require(
          options.getPid() != NamespaceMode.NODE,
          "the host's pid namespace cannot be used in a user namespace");
    }
  }

  private static void require(boolean condition, String problem) {
    if (!condition) {
      throw refused(problem);
    }
  }

  private static BerthException refused(String problem) {
    return new BerthException(INVALID_ARGUMENT, "namespace_options.userns_options: " + problem);
  }
}
