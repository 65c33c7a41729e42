package dev.berth.cri.streaming;

import java.io.IOException;

/** The client of one connection to a port, as its protocol reaches it. Thread-safe. */
interface PortClient {
  /**
   * Hands over what came from the port, waiting while the client takes no more.
   *
   * @param length of the part of {@code bytes}, from its beginning, that counts
   * @throws IOException if the client is gone
   */
  void output(byte[] bytes, int length) throws IOException, InterruptedException;

  /** The port sends nothing more; an error, if there was one, is what the client is to be told. */
  void outputEnded(String error);

  /** Both sides have ended. Comes last, and always. */
  void ended();
}
