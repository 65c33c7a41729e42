package dev.berth.base;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.logging.ConsoleHandler;
import java.util.logging.Formatter;
import java.util.logging.Handler;
import java.util.logging.Level;
import java.util.logging.LogRecord;
import java.util.logging.Logger;

/** The log of a process: one line per record on stderr, with a journal priority if read by one. */
public final class Logging {
  /** Held, because a logger that nobody holds forgets its level. */
  private static final Logger ROOT = Logger.getLogger("");

  private static final Logger OWN = Logger.getLogger("dev.berth");

  private Logging() {}

  /**
   * Sends the log to stderr, and no longer anywhere else.
   *
   * @param level the least that Berth's own classes log; libraries log warnings and errors
   */
  public static void configure(LogLevel level) {
    for (Handler handler : ROOT.getHandlers()) {
      ROOT.removeHandler(handler);
    }
    Handler handler = new ConsoleHandler();
    handler.setFormatter(new Line(System.getenv("JOURNAL_STREAM") != null));
    handler.setLevel(Level.ALL);
    ROOT.addHandler(handler);
    ROOT.setLevel(Level.WARNING); // libraries
    OWN.setLevel(
        switch (level) {
          case ERROR -> Level.SEVERE;
          case WARNING -> Level.WARNING;
          case INFO -> Level.INFO;
          case DEBUG -> Level.ALL;
        });
  }

  /** {@code 2026-01-02T03:04:05.678Z INFO Rollback: undo failed}. */
  private static final class Line extends Formatter {
    private final boolean forJournal;

    Line(boolean forJournal) {
      this.forJournal = forJournal;
    }

    @Override
    public String format(LogRecord record) {
      String logger = String.valueOf(record.getLoggerName());
      LogLevel severity = severity(record.getLevel());
      var line = new StringBuilder();
      line.append(forJournal ? priority(severity) : record.getInstant() + " ")
          .append(severity)
          .append(' ')
          .append(logger.substring(logger.lastIndexOf('.') + 1))
          .append(": ")
          .append(formatMessage(record))
          .append('\n');
      if (record.getThrown() != null) {
        var stack = new StringWriter();
        record.getThrown().printStackTrace(new PrintWriter(stack, true));
        line.append(stack);
      }
      return line.toString();
    }

    private static LogLevel severity(Level level) {
      int value = level.intValue();
      if (value >= Level.SEVERE.intValue()) {
        return LogLevel.ERROR;
      }
      if (value >= Level.WARNING.intValue()) {
        return LogLevel.WARNING;
      }
      return value >= Level.INFO.intValue() ? LogLevel.INFO : LogLevel.DEBUG;
    }

    /** See sd-daemon(3). */
    private static String priority(LogLevel severity) {
      return switch (severity) {
        case ERROR -> "<3>";
        case WARNING -> "<4>";
        case INFO -> "<6>";
        case DEBUG -> "<7>";
      };
    }
  }
}
