package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.spec.ContainerProcess;
import dev.berth.runtime.spec.IdMapping;
import dev.berth.runtime.spec.IdMappings;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Writes the id maps of a new user namespace: user_namespaces(7), one write a file. */
final class IdMaps {
  private IdMaps() {}

  static void write(int pid, IdMappings ids) {
    write(pid, "uid_map", ids.uids(), "linux.uidMappings");
    write(pid, "gid_map", ids.gids(), "linux.gidMappings");
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

  /**
   * Returns what the host calls a process's user, who owns what the process is given.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field if the user is not mapped
   */
  static long ownerOf(ContainerProcess process, IdMappings ids) {
    try {
      return ids.hostUid(process.user().uid());
    } catch (BerthException e) {
      throw e.during("process.user");
    }
  }
}
