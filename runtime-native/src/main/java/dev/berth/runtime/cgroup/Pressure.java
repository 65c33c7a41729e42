package dev.berth.runtime.cgroup;

import java.util.Optional;

/**
 * How long tasks of a group waited for a resource: pressure stall information of cgroup v2, in the
 * kernel's Documentation/accounting/psi.rst.
 *
 * @param some while at least one task waited
 * @param full while all of them waited
 */
public record Pressure(Stall some, Stall full) {
  /**
   * One line of a pressure file.
   *
   * @param avg10 share of the last 10 seconds, in percent
   * @param avg60 of the last minute
   * @param avg300 of the last five minutes
   * @param totalNanos since the group was made
   */
  public record Stall(double avg10, double avg60, double avg300, long totalNanos) {
    private static final Stall NONE = new Stall(0, 0, 0, 0);
  }

  /** Reads the text of a {@code *.pressure} file; empty where the host does not account it. */
  static Optional<Pressure> parse(Optional<String> file) {
    return file.filter(text -> text.startsWith("some "))
        .map(text -> new Pressure(line(text, "some "), line(text, "full ")));
  }

  private static Stall line(String text, String kind) {
    return text.lines()
        .filter(line -> line.startsWith(kind))
        .findFirst()
        .map(line -> line.split(" "))
        .map(words ->
            new Stall(
                Double.parseDouble(value(words[1])),
                Double.parseDouble(value(words[2])),
                Double.parseDouble(value(words[3])),
                Math.multiplyExact(Long.parseLong(value(words[4])), 1000))) // microseconds
        .orElse(Stall.NONE); // cpu had no full line before Linux 5.13
  }

  private static String value(String pair) {
    return pair.substring(pair.indexOf('=') + 1);
  }
}
