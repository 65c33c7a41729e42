package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;

/**
 * Signals by name, by the kernel's number and by CRI's.
 *
 * <p>CRI numbers them in the order of the alphabet, and renamed them between versions: only its
 * numbers are relied upon here.
 */
public final class Signals {
  public static final int SIGKILL = 9;
  public static final int SIGTERM = 15;
  private static final int SIGRTMIN = 34; // as glibc counts: it keeps two for itself
  private static final int SIGRTMAX = 64;

  /** The kernel's numbers on x86-64 and aarch64, see signal(7), in CRI's order from 1 on. */
  private static final List<Map.Entry<String, Integer>> BY_CRI_NUMBER = byCriNumber();

  private Signals() {}

  private static List<Map.Entry<String, Integer>> byCriNumber() {
    List<Map.Entry<String, Integer>> all =
        new ArrayList<>(
            List.of(
                Map.entry("ABRT", 6),
                Map.entry("ALRM", 14),
                Map.entry("BUS", 7),
                Map.entry("CHLD", 17),
                Map.entry("CLD", 17),
                Map.entry("CONT", 18),
                Map.entry("FPE", 8),
                Map.entry("HUP", 1),
                Map.entry("ILL", 4),
                Map.entry("INT", 2),
                Map.entry("IO", 29),
                Map.entry("IOT", 6),
                Map.entry("KILL", SIGKILL),
                Map.entry("PIPE", 13),
                Map.entry("POLL", 29),
                Map.entry("PROF", 27),
                Map.entry("PWR", 30),
                Map.entry("QUIT", 3),
                Map.entry("SEGV", 11),
                Map.entry("STKFLT", 16),
                Map.entry("STOP", 19),
                Map.entry("SYS", 31),
                Map.entry("TERM", SIGTERM),
                Map.entry("TRAP", 5),
                Map.entry("TSTP", 20),
                Map.entry("TTIN", 21),
                Map.entry("TTOU", 22),
                Map.entry("URG", 23),
                Map.entry("USR1", 10),
                Map.entry("USR2", 12),
                Map.entry("VTALRM", 26),
                Map.entry("WINCH", 28),
                Map.entry("XCPU", 24),
                Map.entry("XFSZ", 25)));
    all.add(Map.entry("RTMIN", SIGRTMIN));
    for (int i = 1; i <= 15; i++) {
      all.add(Map.entry("RTMIN+" + i, SIGRTMIN + i));
    }
    for (int i = 14; i >= 1; i--) {
      all.add(Map.entry("RTMAX-" + i, SIGRTMAX - i));
    }
    all.add(Map.entry("RTMAX", SIGRTMAX));
    return List.copyOf(all);
  }

  /**
   * Returns the number of a signal: {@code SIGTERM}, {@code TERM}, {@code 15}, {@code SIGRTMIN+1}.
   *
   * @throws BerthException INVALID_ARGUMENT if there is no such signal
   */
  static int parse(String text) {
    String name = text.toUpperCase(Locale.ROOT);
    String bare = name.startsWith("SIG") ? name.substring(3) : name;
    Optional<Integer> named =
        BY_CRI_NUMBER.stream()
            .filter(signal -> signal.getKey().equals(bare))
            .map(Map.Entry::getValue)
            .findFirst();
    return named
        .or(() -> number(text))
        .orElseThrow(() ->
            new BerthException(
                INVALID_ARGUMENT, "stop signal \"" + Ids.printable(text) + "\" is not known"));
  }

  private static Optional<Integer> number(String text) {
    if (!text.matches("[0-9]{1,2}")) {
      return Optional.empty();
    }
    int number = Integer.parseInt(text);
    return number >= 1 && number <= SIGRTMAX ? Optional.of(number) : Optional.empty();
  }

  /**
   * Returns the kernel's number of a signal of CRI's enum; empty for 0, the runtime's default.
   *
   * @throws BerthException INVALID_ARGUMENT if there is no such signal
   */
  static Optional<Integer> ofCri(int criNumber) {
    if (criNumber == 0) {
      return Optional.empty();
    }
    if (criNumber < 0 || criNumber > BY_CRI_NUMBER.size()) {
      throw new BerthException(INVALID_ARGUMENT, "stop_signal " + criNumber + " is not known");
    }
    return Optional.of(BY_CRI_NUMBER.get(criNumber - 1).getValue());
  }

  /** Returns CRI's number of a signal of the kernel; 0 if CRI has none for it. */
  public static int toCri(int signal) {
    for (int i = 0; i < BY_CRI_NUMBER.size(); i++) {
      if (BY_CRI_NUMBER.get(i).getValue() == signal) {
        return i + 1;
      }
    }
    return 0;
  }
}
