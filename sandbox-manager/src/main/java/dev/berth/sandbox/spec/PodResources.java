package dev.berth.sandbox.spec;

import dev.berth.runtime.spec.IdMappings;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;

/**
 * What the containers of a sandbox share.
 *
 * @param hostname the sandbox's host name
 * @param namespaces namespaces to join, path by type as the runtime spec names them; a type that is
 *     absent is the host's
 * @param ids of the user namespace among those; none if the containers are in the host's
 * @param hosts file that becomes /etc/hosts
 * @param resolvConf file that becomes /etc/resolv.conf
 * @param hostnameFile file that becomes /etc/hostname
 * @param shm directory that becomes /dev/shm
 */
public record PodResources(
    String hostname,
    Map<String, String> namespaces,
    IdMappings ids,
    Path hosts,
    Path resolvConf,
    Path hostnameFile,
    Path shm) {
  public PodResources {
    namespaces = Map.copyOf(namespaces);
  }

  Optional<String> namespace(String type) {
    return Optional.ofNullable(namespaces.get(type));
  }
}
