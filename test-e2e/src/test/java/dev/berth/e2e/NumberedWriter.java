package dev.berth.e2e;

import dev.berth.e2e.FaultLedger.Promise;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;

/**
 * A container that numbers its lines and bursts, says at the end how many there were, and ends with
 * a code that is known before: when it has written all its bursts, or soon after SIGTERM.
 *
 * <p>Lines go to stdout, one in the first of {@value #EVERY} bursts longer than a line of a log may
 * be; the number of each burst goes to stderr.
 *
 * @param bursts how many times it writes, with a pause after each
 */
record NumberedWriter(int bursts, int linesPerBurst, String pauseSeconds, int exitCode) {
  private static final String END = "end ";
  private static final int FULL_LINE = 'F';
  private static final int EVERY = 16;
  private static final int PADDING = 40_000;
  private static final String LONG = " " + "0".repeat(PADDING);

  String script() {
    return """
    trap 'stop=1' TERM
    n=0; b=0
    while [ -z "$stop" ] && [ $b -lt %d ]; do
      seq $((n + 1)) $((n + %d)); n=$((n + %d))
      if [ $((b %% %d)) = 0 ]; then n=$((n + 1)); printf '%%d %%0%dd\\n' $n 0; fi
      b=$((b + 1)); echo $b >&2; sleep %s
    done
    echo "%s$b" >&2
    echo "%s$n"
    exit %d
    """
        .formatted(
            bursts, linesPerBurst, linesPerBurst, EVERY, PADDING, pauseSeconds, END, END, exitCode);
  }

  /**
   * Reads all of its log and tells the ledger what is missing, or there twice.
   *
   * @param files in the order in which they were written
   * @param name of the container, for people
   */
  void check(List<Path> files, String name, FaultLedger ledger) throws IOException {
    check(files, name, false, ledger);
  }

  /**
   * The same.
   *
   * @param endMayBeLost because nobody but the container itself held its output when it ended: what
   *     is in a FIFO goes with the last who has it open
   */
  void check(List<Path> files, String name, boolean endMayBeLost, FaultLedger ledger)
      throws IOException {
    Map<String, Reader> streams = new TreeMap<>();
    for (String stream : List.of("stdout", "stderr")) {
      streams.put(stream, new Reader(name + " " + stream, ledger));
    }
    for (Path file : files) {
      for (String line : Files.readAllLines(file)) {
        String[] parts = line.split(" ", 4);
        Reader reader = parts.length < 4 ? null : streams.get(parts[1]);
        if (reader == null) {
          ledger.broken(Promise.NO_LOST_LINE, name + ": not a line of a log: '" + line + "'");
        } else {
          reader.read(parts[2], parts[3]);
        }
      }
    }
    streams.values().forEach(reader -> reader.end(endMayBeLost));
  }

  /** Goes through the lines of one stream of a log: P or F, and text. */
  private static final class Reader {
    private final String name;
    private final FaultLedger ledger;
    private final StringBuilder partial = new StringBuilder();
    private long last;
    private boolean ended;

    Reader(String name, FaultLedger ledger) {
      this.name = name;
      this.ledger = ledger;
    }

    void read(String tag, String text) {
      partial.append(text);
      if (tag.charAt(0) == FULL_LINE) {
        whole(partial.toString());
        partial.setLength(0);
      }
    }

    private void whole(String text) {
      if (text.startsWith(END)) {
        expect(Long.parseLong(text.substring(END.length())) + 1);
        ended = true;
        return;
      }
      String number = text.endsWith(LONG) ? text.substring(0, text.length() - LONG.length()) : text;
      if (!number.isEmpty() && number.chars().allMatch(Character::isDigit)) {
        expect(Long.parseLong(number));
        last = Long.parseLong(number);
        ledger.count("log lines checked");
      } else {
        ledger.broken(Promise.NO_LOST_LINE, name + ": after line " + last + ": " + start(text));
      }
    }

    private static String start(String text) {
      return text.length() > 80 ? text.substring(0, 80) + "..., " + text.length() : text;
    }

    private void expect(long number) {
      if (number > last + 1) {
        String gap = " lines missing after " + last;
        ledger.broken(Promise.NO_LOST_LINE, number - last - 1, name + gap);
      } else if (number <= last) {
        ledger.broken(Promise.NO_DOUBLED_LINE, name + ": " + number + " after " + last);
      }
    }

    void end(boolean mayBeLost) {
      if (mayBeLost && !ended) {
        ledger.count("ends of logs that nobody could keep");
        return;
      }
      if (!partial.isEmpty()) {
        ledger.broken(
            Promise.NO_LOST_LINE, name + ": ends within a line: " + start(partial.toString()));
      }
      if (!ended) {
        ledger.broken(Promise.NO_LOST_LINE, name + ": stops after line " + last);
      }
    }
  }
}
