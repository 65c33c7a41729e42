package dev.berth.cri.cli;

/**
 * One entry of a CRI log: {@code 2026-01-02T03:04:05.123456789Z stdout F text}.
 *
 * @param isPartial the line goes on in the next entry of the same stream
 * @param text without a line end
 */
record LogLine(String time, boolean isStderr, boolean isPartial, String text) {
  static LogLine parse(String entry) {
    int stream = entry.indexOf(' ') + 1;
    int tag = entry.indexOf(' ', stream) + 1;
    int text = entry.indexOf(' ', tag) + 1;
    if (stream == 0 || tag == 0 || text == 0) {
      throw new CliException("not a CRI log entry: " + entry);
    }
    String name = entry.substring(stream, tag - 1);
    if (!name.equals("stdout") && !name.equals("stderr")) {
      throw new CliException("not a CRI log entry: " + entry);
    }
    return new LogLine(
        entry.substring(0, stream - 1),
        name.equals("stderr"),
        entry.startsWith("P", tag),
        entry.substring(text));
  }
}
