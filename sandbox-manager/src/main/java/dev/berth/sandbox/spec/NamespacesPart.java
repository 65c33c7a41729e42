package dev.berth.sandbox.spec;

import dev.berth.proto.cri.v1.NamespaceMode;
import dev.berth.runtime.spec.IdMappings;
import dev.berth.runtime.spec.Namespace;
import dev.berth.runtime.spec.RuntimeSpec;
import java.util.ArrayList;
import java.util.List;

/** Writes which namespaces are new, which are the sandbox's, and which are the host's. */
final class NamespacesPart implements SpecAdjuster {
  @Override
  public RuntimeSpec adjust(RuntimeSpec spec, SpecInput input) {
    List<Namespace> namespaces = new ArrayList<>();
    namespaces.add(Namespace.fresh("mount"));
    for (String shared : List.of("user", "network", "ipc", "uts")) {
      input
          .pod()
          .namespace(shared)
          .map(path -> Namespace.join(shared, path))
          .ifPresent(namespaces::add);
    }
    addPid(namespaces, input);
    // Without the unified hierarchy a cgroup namespace hides nothing that is not mounted anyway.
    if (input.host().cgroup2() && !input.isPrivileged()) {
      namespaces.add(Namespace.fresh("cgroup"));
    }
    IdMappings ids = input.pod().ids();
    return SpecParts.linux(
        spec,
        linux -> linux.namespaces(namespaces).uidMappings(ids.uids()).gidMappings(ids.gids()));
  }

  private static void addPid(List<Namespace> namespaces, SpecInput input) {
    if (input.pidNamespaceTarget().isPresent()) {
      namespaces.add(Namespace.join("pid", input.pidNamespaceTarget().get()));
    } else if (input.security().getNamespaceOptions().getPid() != NamespaceMode.NODE) {
      namespaces.add(Namespace.fresh("pid"));
    }
  }
}
