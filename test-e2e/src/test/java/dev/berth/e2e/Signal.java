package dev.berth.e2e;

/** Signals for which the JDK has no word. */
final class Signal {
  private Signal() {}

  /** Sends a signal; a process that is gone is none the worse. */
  static void send(String name, long pid) {
    Command _ =
        Command.run(java.util.Map.of(), java.util.List.of("kill", "-" + name, Long.toString(pid)));
  }
}
