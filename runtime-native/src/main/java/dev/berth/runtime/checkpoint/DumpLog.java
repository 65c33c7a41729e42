package dev.berth.runtime.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStream;
import java.io.InputStreamReader;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** What CRIU's log says of a failure. */
final class DumpLog {
  private static final int MAX_ERRORS = 5;
  private static final int MAX_CHARACTERS = 300;

  /** A log of more lines than any real one has. */
  private static final int MAX_LINES = 2_000_000;

  private DumpLog() {}

  /** Returns its first errors, in one line; empty if there is none, or no log. */
  static String errors(Path log) throws IOException {
    try (InputStream bytes = Files.newInputStream(log);
        var lines = new BufferedReader(new InputStreamReader(bytes, UTF_8))) {
      List<String> errors =
          lines
              .lines()
              .limit(MAX_LINES)
              .filter(line -> line.contains("Error ("))
              // It has as many descriptors as it began with: no failure, whatever it is called.
              .filter(line -> !line.contains("rlimit: Can't setup RLIMIT_NOFILE"))
              .limit(MAX_ERRORS)
              .map(DumpLog::readable)
              .toList();
      return errors.stream().collect(Collectors.joining("; "));
    } catch (NoSuchFileException e) {
      return "";
    }
  }

  /** Drops the time and where in CRIU's sources it was said. */
  private static String readable(String line) {
    String said = line.replaceFirst("^.*?Error \\([^)]*\\): ", "");
    String cut = said.length() > MAX_CHARACTERS ? said.substring(0, MAX_CHARACTERS) + "..." : said;
    return cut.strip().replaceAll("\\p{Cntrl}", "?"); // file names of a container are in it
  }
}
