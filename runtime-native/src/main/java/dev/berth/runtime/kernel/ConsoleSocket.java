package dev.berth.runtime.kernel;

import java.nio.charset.StandardCharsets;
import java.nio.file.Path;

/**
 * The socket on which the caller of an OCI runtime waits for the master of a container's terminal:
 * a stream, over which one message with the descriptor is sent, as runc documents it in
 * docs/terminals.md.
 */
public final class ConsoleSocket {
  /** The bytes that go with the descriptor; readers show them as the terminal's name. */
  private static final byte[] NAME = "/dev/ptmx".getBytes(StandardCharsets.US_ASCII);

  private ConsoleSocket() {}

  /**
   * Sends a terminal's master.
   *
   * @param path of a listening socket of the caller's
   * @param master stays the sender's
   * @throws NativeException ENOENT or ECONNREFUSED if nobody listens there
   */
  public static void send(Path path, Fd master) {
    DescriptorSocket.send(path, NAME, master);
  }
}
