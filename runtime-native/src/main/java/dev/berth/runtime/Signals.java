package dev.berth.runtime;

import dev.berth.base.BerthException;
import java.util.List;
import java.util.Locale;

/** Signal names and numbers: signal(7), the same on amd64 and arm64. */
public final class Signals {
  private static final List<String> NAMES =
      List.of(
          "HUP", "INT", "QUIT", "ILL", "TRAP", "ABRT", "BUS", "FPE", "KILL", "USR1", "SEGV", "USR2",
          "PIPE", "ALRM", "TERM", "STKFLT", "CHLD", "CONT", "STOP", "TSTP", "TTIN", "TTOU", "URG",
          "XCPU", "XFSZ", "VTALRM", "PROF", "WINCH", "IO", "PWR", "SYS");
  private static final int RTMIN = 34; // as glibc sees it
  private static final int RTMAX = 64;

  private Signals() {}

  /**
   * Returns the number of {@code SIGTERM}, {@code TERM}, {@code 15} or {@code SIGRTMIN+1}.
   *
   * @throws BerthException INVALID_ARGUMENT for anything else
   */
  public static int parse(String text) {
    String name = text.toUpperCase(Locale.ROOT);
    if (name.startsWith("SIG")) {
      name = name.substring(3);
    }
    int number = name.matches("[0-9]{1,3}") ? Integer.parseInt(name) : byName(name);
    if (number < 1 || number > RTMAX) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT,
          "signal \"" + dev.berth.base.Ids.printable(text) + "\": not a signal");
    }
    return number;
  }

  private static int byName(String name) {
    int offset = name.matches("RTM(IN|AX)[+-][0-9]{1,2}") ? Integer.parseInt(name.substring(5)) : 0;
    if (name.startsWith("RTMIN") && (name.length() == 5 || offset > 0)) {
      return RTMIN + offset;
    }
    if (name.startsWith("RTMAX") && (name.length() == 5 || offset < 0)) {
      return RTMAX + offset;
    }
    return NAMES.indexOf(name) + 1;
  }
}
