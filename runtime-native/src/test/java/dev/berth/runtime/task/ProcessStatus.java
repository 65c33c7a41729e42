package dev.berth.runtime.task;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;

/** The lines of a /proc/PID/status, by their names. */
final class ProcessStatus {
  private ProcessStatus() {}

  static Map<String, String> of(int pid) throws IOException {
    Map<String, String> lines = new LinkedHashMap<>();
    for (String line : Files.readAllLines(Path.of("/proc", Integer.toString(pid), "status"))) {
      int colon = line.indexOf(':');
      lines.put(line.substring(0, colon), line.substring(colon + 1).trim());
    }
    return lines;
  }
}
