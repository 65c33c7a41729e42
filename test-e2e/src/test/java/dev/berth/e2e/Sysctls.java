package dev.berth.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.AccessDeniedException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** The kernel parameters of the host that do not change by themselves. */
final class Sysctls {
  private Sysctls() {}

  /** Reads them all, by path. */
  static Map<String, String> read() throws IOException {
    Map<String, String> found = new TreeMap<>();
    for (String tree : new String[] {"kernel", "vm", "fs/mqueue", "net/core", "net/ipv4"}) {
      try (Stream<Path> files = Files.walk(Path.of("/proc/sys", tree))) {
        files
            .filter(Files::isRegularFile)
            .filter(Sysctls::isConstant)
            .forEach(file -> value(file, found));
      }
    }
    return found;
  }

  private static boolean isConstant(Path file) {
    String path = file.toString();
    return !path.contains("/random/")
        && !path.contains("/conf/") // one directory per link, and links come and go
        && !path.contains("/neigh/")
        && !path.endsWith("/ns_last_pid")
        && !path.endsWith("/stat_refresh")
        && !path.endsWith("/compact_memory");
  }

  private static void value(Path file, Map<String, String> found) {
    try (InputStream in = Files.newInputStream(file)) {
      byte[] bytes = new byte[4096]; // in one read: the kernel answers no second one
      int count = Math.max(0, in.read(bytes));
      found.put(file.toString(), new String(bytes, 0, count, StandardCharsets.UTF_8));
    } catch (AccessDeniedException e) {
      found.put(file.toString(), "write-only");
    } catch (IOException e) {
      if (Files.isReadable(file)) {
        found.put(file.toString(), "unreadable: " + e.getMessage());
      } else {
        throw new UncheckedIOException(e);
      }
    }
  }
}
