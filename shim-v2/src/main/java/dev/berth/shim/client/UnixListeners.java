package dev.berth.shim.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The unix sockets that have a path, by how a descriptor of theirs is shown: /proc/net/unix. */
final class UnixListeners {
  private static final Path TABLE = Path.of("/proc/net/unix");

  // Num RefCount Protocol Flags Type St Inode Path
  private static final int INODE = 6;
  private static final int PATH = 7;

  private final Map<String, String> paths = new HashMap<>();

  private UnixListeners() {}

  /** Reads the table. */
  static UnixListeners read() {
    var listeners = new UnixListeners();
    try {
      for (String line : Files.readAllLines(TABLE)) {
        String[] fields = line.strip().split(" +", PATH + 1);
        if (fields.length > PATH) {
          listeners.paths.put("socket:[" + fields[INODE] + "]", fields[PATH]);
        }
      }
      return listeners;
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Tells whether one of these descriptors is a socket that has one of these addresses. */
  boolean isServed(List<String> descriptors, Set<String> addresses) {
    return descriptors.stream()
        .map(descriptor -> paths.getOrDefault(descriptor, ""))
        .anyMatch(path -> addresses.contains(path) || addresses.contains("unix://" + path));
  }
}
