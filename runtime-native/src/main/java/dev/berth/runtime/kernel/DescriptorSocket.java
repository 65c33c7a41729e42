package dev.berth.runtime.kernel;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.nio.file.Path;
import java.util.List;

/** A stream socket on which another program waits for one message with one descriptor: unix(7). */
public final class DescriptorSocket {
  private static final int SOCK_STREAM = 1; // bits/socket.h
  private static final int SOCK_CLOEXEC = 0x80000;

  private DescriptorSocket() {}

  /**
   * Connects, sends and closes.
   *
   * @param path of a listening socket
   * @param message at least a byte, and no more than an empty stream takes at once: some 100 KB
   * @param descriptor stays the sender's
   * @throws NativeException ENOENT or ECONNREFUSED if nobody listens there
   */
  public static void send(Path path, byte[] message, Fd descriptor) {
    Path parent = path.toAbsolutePath().getParent();
    if (parent == null) {
      throw new BerthException(INVALID_ARGUMENT, "socket " + path + ": is a directory");
    }
    try (DirFd directory = DirFd.open(parent);
        var address = UnixAddress.of(directory, path.getFileName().toString());
        Fd socket =
            Fd.own(
                Syscalls.check(
                    "socket", "stream", UnixAddress.AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0))) {
      PlatformThreads.waiting(() ->
          Syscalls.check("connect", path, socket.number(), address.pointer(), address.sizeBytes()));
      MessageHeader.send(socket, message, List.of(descriptor));
    }
  }
}
