package dev.berth.cri.streaming;

import java.io.IOException;

/** The client of a process, as its connection's protocol reaches it. Thread-safe. */
interface ProcessClient {
  /**
   * Hands over output, waiting while the client takes no more.
   *
   * @param length of the part of {@code bytes}, from its beginning, that counts
   * @throws IOException if the client is gone
   */
  void output(boolean error, byte[] bytes, int length) throws IOException, InterruptedException;

  /** Tells the end of all, and ends the connection. */
  void finish(Outcome outcome);
}
