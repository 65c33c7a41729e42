package dev.berth.runtime.kernel;

/** How a process ended. */
public sealed interface ExitStatus {
  /** It ended by itself. */
  record Exited(int code) implements ExitStatus {}

  /** A signal ended it. */
  record Signaled(int signal, boolean coreDumped) implements ExitStatus {}

  /** Returns the code as shells and container runtimes report it: 128 + signal for a signal. */
  default int shellCode() {
    return switch (this) {
      case Exited(int code) -> code;
      case Signaled(int signal, boolean _) -> 128 + signal;
    };
  }

  /** Reads the status word of wait(2), which pidfds report too. */
  static ExitStatus ofWaitStatus(int status) {
    int signal = status & 0x7F;
    return signal == 0
        ? new Exited((status >> 8) & 0xFF)
        : new Signaled(signal, (status & 0x80) != 0);
  }
}
