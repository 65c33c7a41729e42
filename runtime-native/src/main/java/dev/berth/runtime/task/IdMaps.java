package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.Linux;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Writes the id maps of a new user namespace: user_namespaces(7), one write a file. */
final class IdMaps {
  private IdMaps() {}

  static void write(int pid, Linux linux) {
    write(pid, "uid_map", linux.uidMappings(), "linux.uidMappings");
    write(pid, "gid_map", linux.gidMappings(), "linux.gidMappings");
  }

  private static void write(int pid, String file, List<IdMapping> mappings, String field) {
    String text =
        mappings.stream()
            .map(map -> map.containerID() + " " + map.hostID() + " " + map.size() + "\n")
            .collect(Collectors.joining());
    try {
      Files.writeString(Path.of("/proc", Integer.toString(pid), file), text);
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, field + ": cannot be written: " + e.getMessage(), e);
    }
  }

  /** What the host calls a user of the container; itself without maps. */
  static long toHost(List<IdMapping> mappings, long id) {
    if (mappings.isEmpty()) {
      return id;
    }
    return mappings.stream()
        .filter(map -> id >= map.containerID() && id - map.containerID() < map.size())
        .findFirst()
        .map(map -> map.hostID() + (id - map.containerID()))
        .orElseThrow(() ->
            new BerthException(
                BerthException.Kind.INVALID_ARGUMENT,
                "process.user: id " + id + " is not in the container's mappings"));
  }
}
