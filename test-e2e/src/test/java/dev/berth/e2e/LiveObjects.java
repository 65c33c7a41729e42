package dev.berth.e2e;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * How many objects of each class a JVM has that something still refers to. A leak of 50 bytes a
 * call is lost in the noise of a process's memory, but not here.
 */
record LiveObjects(Map<String, Long> countByClass) {
  /** A line of {@code jcmd PID GC.class_histogram}: number, instances, bytes, class. */
  private static final Pattern LINE = Pattern.compile("(?m)^ *\\d+: +(\\d+) +\\d+ +(\\S+)");

  /** Made by the collector itself to fill gaps. */
  private static final String FILLER = "FillerElement";

  /** Collects garbage in the JVM of this process, and counts. */
  static LiveObjects of(long pid) {
    String histogram = jcmd(pid, "GC.class_histogram");
    Map<String, Long> counts = new HashMap<>();
    Matcher line = LINE.matcher(histogram);
    while (line.find()) {
      if (!line.group(2).contains(FILLER)) {
        counts.merge(line.group(2), Long.parseLong(line.group(1)), Long::sum);
      }
    }
    assertThat(counts).as(histogram).containsKey("java.lang.String");
    return new LiveObjects(counts);
  }

  private static String jcmd(long pid, String command) {
    Path jcmd = Path.of(System.getProperty("java.home"), "bin", "jcmd");
    try {
      Process process =
          new ProcessBuilder(jcmd.toString(), Long.toString(pid), command)
              .redirectErrorStream(true)
              .start();
      return new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Fails with the classes of which there are so many more than before. */
  void assertNoneGrewBy(long count, LiveObjects before) {
    Map<String, Long> grown = new HashMap<>();
    countByClass.forEach((type, now) -> {
      long more = now - before.countByClass.getOrDefault(type, 0L);
      if (more >= count) {
        grown.put(type, more);
      }
    });
    assertThat(grown).as("objects more than before").isEmpty();
  }
}
