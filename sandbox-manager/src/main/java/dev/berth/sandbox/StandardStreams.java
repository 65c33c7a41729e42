package dev.berth.sandbox;

/**
 * Which standard streams of a process a client wants.
 *
 * @param stderr nothing ever comes there from a process with a terminal
 */
public record StandardStreams(boolean stdin, boolean stdout, boolean stderr) {
  /** Tells whether none at all is wanted. */
  public boolean isEmpty() {
    return !stdin && !stdout && !stderr;
  }
}
