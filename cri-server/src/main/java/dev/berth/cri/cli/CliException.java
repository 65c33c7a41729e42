package dev.berth.cri.cli;

/** A failure that the command line itself found, told to the user as it is. */
final class CliException extends RuntimeException {
  private static final long serialVersionUID = 1L;

  CliException(String message) {
    super(message);
  }
}
