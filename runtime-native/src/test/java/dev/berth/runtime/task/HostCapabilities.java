package dev.berth.runtime.task;

import dev.berth.runtime.spec.CapabilityNames;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.IntStream;

/** What this JVM may do itself, and so give: root of a test machine may lack some. */
final class HostCapabilities {
  private HostCapabilities() {}

  static long bits() {
    try {
      return Files.readAllLines(Path.of("/proc/self/status")).stream()
          .filter(line -> line.startsWith("CapPrm:"))
          .map(line -> Long.parseUnsignedLong(line.substring(7).trim(), 16))
          .findFirst()
          .orElseThrow();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  static List<String> names() {
    long bits = bits();
    List<String> all = CapabilityNames.all();
    return IntStream.range(0, all.size())
        .filter(number -> (bits & 1L << number) != 0)
        .mapToObj(all::get)
        .toList();
  }
}
