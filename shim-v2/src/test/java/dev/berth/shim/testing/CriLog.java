package dev.berth.shim.testing;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;

/** Reads log files as the kubelet does: a time, a stream, P or F, and the text of each line. */
public final class CriLog {
  private CriLog() {}

  /**
   * Returns the lines that were written, put together from their parts, without the carriage
   * returns of a terminal.
   *
   * @param files in the order in which they were written
   */
  public static List<String> lines(List<Path> files) throws IOException {
    List<String> lines = new ArrayList<>();
    var partial = new StringBuilder();
    for (Path file : files) {
      for (String line : Files.readAllLines(file)) {
        int tag = line.indexOf(' ', line.indexOf(' ') + 1) + 1;
        partial.append(line, tag + 2, line.length());
        if (line.charAt(tag) == 'F') {
          lines.add(partial.toString().strip());
          partial.setLength(0);
        }
      }
    }
    if (!partial.isEmpty()) {
      throw new AssertionError("the log ends within a line: " + partial);
    }
    return lines;
  }
}
