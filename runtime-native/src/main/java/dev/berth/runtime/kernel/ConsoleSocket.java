package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;

/**
 * The socket on which the caller of an OCI runtime waits for the master of a container's terminal:
 * a stream, over which one message with the descriptor is sent, as runc documents it in
 * docs/terminals.md.
 */
public final class ConsoleSocket {
  private static final int SOCK_STREAM = 1; // bits/socket.h
  private static final int SOCK_CLOEXEC = 0x80000;

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
    Path parent = path.toAbsolutePath().getParent();
    if (parent == null) {
      throw new BerthException(INVALID_ARGUMENT, "console socket " + path + ": is a directory");
    }
    try (DirFd directory = DirFd.open(parent);
        var address = UnixAddress.of(directory, path.getFileName().toString());
        Fd socket =
            Fd.own(
                Syscalls.check(
                    "socket", "stream", UnixAddress.AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))) {
      PlatformThreads.waiting(() ->
          Syscalls.check("connect", path, socket.number(), address.pointer(), address.sizeBytes()));
      // An empty stream takes a few bytes at once.
      MessageHeader.send(socket, NAME, List.of(master));
    }
  }
}
