package dev.berth.runtime.task;

import dev.berth.base.BerthException;

/**
 * Which streams of a process a client wants.
 *
 * @param stderr nothing ever comes there from a process with a terminal
 */
public record AttachStreams(boolean stdin, boolean stdout, boolean stderr) {
  private static final int STDIN = 1;
  private static final int STDOUT = 2;
  private static final int STDERR = 4;

  /** Refuses none at all. */
  public AttachStreams {
    if (!stdin && !stdout && !stderr) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, "attach: no stream is asked for");
    }
  }

  /** Both outputs and no input. */
  public static AttachStreams outputs() {
    return new AttachStreams(false, true, true);
  }

  /** All three. */
  public static AttachStreams all() {
    return new AttachStreams(true, true, true);
  }

  /** The bits of {@code enum attached} in attach.h. */
  int bits() {
    return (stdin ? STDIN : 0) | (stdout ? STDOUT : 0) | (stderr ? STDERR : 0);
  }
}
