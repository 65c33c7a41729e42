package dev.berth.sandbox.nri;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.INTERNAL;
import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import java.io.IOException;
import java.net.ConnectException;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;

/** Makes the path free at which plugins connect, unless another runtime has it. */
final class PluginSocket {
  private static final System.Logger LOG = System.getLogger(PluginSocket.class.getName());

  private PluginSocket() {}

  /**
   * Makes the directory where it is missing, and removes the socket of a process that was killed.
   *
   * @return false if another runtime listens on the path that all of a machine share
   * @throws BerthException FAILED_PRECONDITION if another process listens on a path of our own
   */
  static boolean prepare(NriSettings settings) {
    Path socket = settings.socket();
    try {
      makeDirectory(socket.resolveSibling(".").normalize());
      if (isServed(socket)) {
        return refuse(settings);
      }
      Files.deleteIfExists(socket);
      return true;
    } catch (IOException e) {
      throw new BerthException(INTERNAL, "nri socket " + socket + ": " + e, e);
    }
  }

  private static void makeDirectory(Path directory) throws IOException {
    if (!Files.isDirectory(directory)) {
      AtomicFiles.createPrivateDirectories(directory);
    }
  }

  private static boolean isServed(Path socket) throws IOException {
    if (!Files.exists(socket)) {
      return false;
    }
    try (var _ = SocketChannel.open(UnixDomainSocketAddress.of(socket))) {
      return true;
    } catch (ConnectException e) {
      return false;
    }
  }

  private static boolean refuse(NriSettings settings) {
    if (settings.sharedPath()) {
      LOG.log(WARNING, "no nri plugins: another runtime listens on {0}", settings.socket());
      return false;
    }
    throw new BerthException(
        FAILED_PRECONDITION, "nri socket " + settings.socket() + ": another process listens there");
  }
}
