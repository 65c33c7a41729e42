package dev.berth.e2e;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.stream.Stream;

/**
 * What a process has at one moment.
 *
 * @param memoryKib memory that is its alone: RssAnon of proc_pid_status(5)
 * @param descriptors how many it has open
 */
record Resources(long memoryKib, long descriptors) {
  private static final Path PROC = Path.of("/proc");

  static Resources of(long pid) throws IOException {
    Path process = PROC.resolve(Long.toString(pid));
    try (Stream<Path> open = Files.list(process.resolve("fd"))) {
      return new Resources(memory(process), open.count());
    }
  }

  private static long memory(Path process) throws IOException {
    return Files.readAllLines(process.resolve("status")).stream()
        .filter(line -> line.startsWith("RssAnon:"))
        .map(line -> line.replaceAll("\\D", ""))
        .mapToLong(Long::parseLong)
        .findFirst()
        .orElseThrow();
  }
}
