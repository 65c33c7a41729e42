package dev.berth.runtime.cli;

import com.google.gson.Gson;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Instant;
import java.time.temporal.ChronoUnit;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * Where a failed command says why, besides stderr: the file of {@code --log}, which those who run
 * runtimes read the last error from.
 *
 * @param file appended to
 */
record FailureLog(Path file, Format format) {
  private static final Gson JSON = new Gson();

  /** As runc writes them. */
  enum Format {
    text,
    json
  }

  /** Writes one line; a file that cannot be written is told on {@code err}, and nothing else. */
  void write(String message, PrintWriter err) {
    try {
      Files.writeString(
          file, line(message) + "\n", StandardOpenOption.CREATE, StandardOpenOption.APPEND);
    } catch (IOException e) {
      err.println("berth-runtime: --log " + file + ": cannot be written: " + e);
    }
  }

  private String line(String message) {
    String time = Instant.now().truncatedTo(ChronoUnit.SECONDS).toString();
    Map<String, String> fields = new LinkedHashMap<>();
    fields.put("level", "error");
    fields.put("msg", message);
    fields.put("time", time);
    return switch (format) {
      case json -> JSON.toJson(fields);
      case text -> "time=\"" + time + "\" level=error msg=" + JSON.toJson(message);
    };
  }
}
