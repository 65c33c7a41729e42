package dev.berth.cri.cli;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import java.io.BufferedReader;
import java.io.IOException;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.concurrent.locks.LockSupport;
import java.util.function.BooleanSupplier;
import java.util.function.Consumer;
import org.jspecify.annotations.Nullable;

/**
 * Prints a container's log the way the container wrote it: its stdout to stdout, its stderr to
 * stderr, bytes unchanged.
 */
final class LogReader {
  private static final long POLL_NANOS = 50_000_000;

  private final Path file;
  private final boolean withTimes;
  private final PrintStream stdout;
  private final PrintStream stderr;

  LogReader(Path file, boolean withTimes, PrintStream stdout, PrintStream stderr) {
    this.file = file;
    this.withTimes = withTimes;
    this.stdout = stdout;
    this.stderr = stderr;
  }

  /** Prints the last {@code limit} entries that are there now. */
  void printLast(long limit) throws IOException {
    Deque<LogLine> last = new ArrayDeque<>();
    try (BufferedReader reader = open()) {
      drain(
          reader,
          new StringBuilder(),
          line -> {
            last.add(line);
            if (last.size() > limit) {
              last.remove();
            }
          });
    }
    last.forEach(this::print);
    flush();
  }

  /** Prints everything, and what comes, until {@code ended} and nothing is left to read. */
  void follow(BooleanSupplier ended) throws IOException {
    Object identity = identity();
    BufferedReader reader = open();
    try {
      StringBuilder pending = new StringBuilder();
      while (true) {
        boolean last = ended.getAsBoolean(); // asked before reading: what was written is then there
        drain(reader, pending, this::print);
        flush();
        Object current = identity();
        if (current != null && !current.equals(identity)) { // rotated: the rest is in a new file
          drain(reader, pending, this::print);
          reader.close();
          identity = current;
          reader = open();
        } else if (last) {
          return;
        } else {
          LockSupport.parkNanos(POLL_NANOS);
        }
      }
    } finally {
      reader.close();
    }
  }

  /** Reads by the newline alone: a carriage return is the container's. */
  private static void drain(BufferedReader reader, StringBuilder pending, Consumer<LogLine> sink)
      throws IOException {
    for (int c = reader.read(); c >= 0; c = reader.read()) {
      if (c == '\n') {
        sink.accept(LogLine.parse(pending.toString()));
        pending.setLength(0);
      } else {
        pending.append((char) c);
      }
    }
  }

  private void print(LogLine line) {
    PrintStream out = line.isStderr() ? stderr : stdout;
    String text = (withTimes ? line.time() + " " : "") + line.text();
    out.writeBytes(text.getBytes(ISO_8859_1));
    if (!line.isPartial()) {
      out.write('\n');
    }
  }

  private void flush() {
    stdout.flush();
    stderr.flush();
  }

  /** Latin-1 maps every byte to one character and back: what is no text survives. */
  private BufferedReader open() throws IOException {
    if (!Files.exists(file)) {
      throw new CliException("no log at " + file);
    }
    return new BufferedReader(new InputStreamReader(Files.newInputStream(file), ISO_8859_1));
  }

  private @Nullable Object identity() throws IOException {
    return Files.exists(file) ? Files.getAttribute(file, "unix:ino") : null;
  }
}
