package dev.berth.e2e;

import dev.berth.e2e.FaultLedger.Promise;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * A container that numbers its lines, says at the end how many there were, and ends with a code
 * that is known before: when it has written all its bursts, or soon after SIGTERM.
 *
 * @param bursts how many times it writes, with a pause after each
 */
record NumberedWriter(int bursts, int linesPerBurst, String pauseSeconds, int exitCode) {
  private static final String END = "end ";
  private static final int FULL_LINE = 'F';

  String script() {
    return """
    trap 'stop=1' TERM
    n=0; b=0
    while [ -z "$stop" ] && [ $b -lt %d ]; do
      seq $((n + 1)) $((n + %d)); n=$((n + %d)); b=$((b + 1)); sleep %s
    done
    echo "%s$n"
    exit %d
    """
        .formatted(bursts, linesPerBurst, linesPerBurst, pauseSeconds, END, exitCode);
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
    var reader = new Reader(name, ledger);
    for (Path file : files) {
      for (String line : Files.readAllLines(file)) {
        reader.read(line);
      }
    }
    reader.end(endMayBeLost);
  }

  /** Goes through the lines of a log: a time, a stream, P or F, and text. */
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

    void read(String line) {
      String[] parts = line.split(" ", 4);
      if (parts.length < 4) {
        ledger.broken(Promise.NO_LOST_LINE, name + ": not a line of a log: '" + line + "'");
        return;
      }
      partial.append(parts[3]);
      if (parts[2].charAt(0) == FULL_LINE) {
        text(partial.toString());
        partial.setLength(0);
      }
    }

    private void text(String text) {
      if (text.startsWith(END)) {
        expect(Long.parseLong(text.substring(END.length())) + 1);
        ended = true;
      } else if (!text.isEmpty() && text.chars().allMatch(Character::isDigit)) {
        expect(Long.parseLong(text));
        last = Long.parseLong(text);
        ledger.count("log lines checked");
      } else {
        ledger.broken(Promise.NO_LOST_LINE, name + ": after line " + last + ": " + text);
      }
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
        ledger.broken(Promise.NO_LOST_LINE, name + ": ends within a line: " + partial);
      }
      if (!ended) {
        ledger.broken(Promise.NO_LOST_LINE, name + ": stops after line " + last);
      }
    }
  }
}
