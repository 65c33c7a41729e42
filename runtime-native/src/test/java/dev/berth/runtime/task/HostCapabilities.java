package dev.berth.runtime.task;

import dev.berth.runtime.spec.CapabilityNames;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.util.List;
import java.util.stream.IntStream;

/** What this JVM may do itself, and so give: root of a test machine may lack some. */
final class HostCapabilities {
  private HostCapabilities() {}

  private static long bits() {
    try {
      int self = Math.toIntExact(ProcessHandle.current().pid());
      return Long.parseUnsignedLong(ProcessStatus.of(self).get("CapPrm"), 16);
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
