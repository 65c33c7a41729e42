package dev.berth.cri.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;

/** Whether somebody watches. */
final class Terminal {
  private static final Path STDOUT = Path.of("/proc/self/fd/1");
  private static final Path STDERR = Path.of("/proc/self/fd/2");

  private Terminal() {}

  /** Asks for stderr alone: stdout may go into a pipe. */
  static boolean onStderr() {
    return isTerminal(STDERR);
  }

  /** Whether results are read by a person, or by a program that wants JSON. */
  static boolean onStdout() {
    return isTerminal(STDOUT);
  }

  private static boolean isTerminal(Path descriptor) {
    try {
      String file = Files.readSymbolicLink(descriptor).toString();
      return file.startsWith("/dev/pts/") || file.startsWith("/dev/tty");
    } catch (IOException e) {
      return false;
    }
  }
}
