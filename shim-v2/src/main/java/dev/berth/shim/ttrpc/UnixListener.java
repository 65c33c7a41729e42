package dev.berth.shim.ttrpc;

import static dev.berth.base.BerthException.Kind.UNAVAILABLE;
import static java.lang.System.Logger.Level.ERROR;
import static java.lang.System.Logger.Level.WARNING;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.channels.ClosedChannelException;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;
import java.time.Duration;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Consumer;

/**
 * Listens on a unix socket in the file system for processes of uid 0 (rule R17), on one virtual
 * thread. Thread-safe.
 */
public final class UnixListener implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(UnixListener.class.getName());
  private static final Duration GRACE = Duration.ofSeconds(1);

  private final Path socket;
  private final ServerSocketChannel listener;

  /** Tells the file from one that another process has put in its place. */
  private final Object fileKey;

  private final PeerPolicy policy;
  private final Consumer<SocketChannel> admitted;
  private final Thread acceptor;
  private final AtomicBoolean removed = new AtomicBoolean();
  private volatile boolean closing;

  private UnixListener(
      Path socket,
      ServerSocketChannel listener,
      Object fileKey,
      PeerPolicy policy,
      Consumer<SocketChannel> admitted) {
    this.socket = socket;
    this.listener = listener;
    this.fileKey = fileKey;
    this.policy = policy;
    this.admitted = admitted;
    this.acceptor = Thread.ofVirtual().name("ttrpc-accept " + socket).unstarted(this::accept);
  }

  /**
   * Listens until {@link #close}.
   *
   * @param socket where nothing is yet, in a directory of mode 0700; becomes mode 0600
   * @param admitted takes over the connections; called on the one thread that accepts, so it must
   *     not wait
   * @throws BerthException UNAVAILABLE when the path is taken or cannot be made
   */
  public static UnixListener listen(Path socket, Consumer<SocketChannel> admitted) {
    return listen(socket, PeerPolicy.ROOT_ONLY, admitted);
  }

  static UnixListener listen(Path socket, PeerPolicy policy, Consumer<SocketChannel> admitted) {
    try {
      ServerSocketChannel channel = UnixSockets.listen(socket);
      var listener = new UnixListener(socket, channel, fileKey(socket), policy, admitted);
      listener.acceptor.start();
      return listener;
    } catch (IOException e) {
      throw new BerthException(UNAVAILABLE, "listen on " + socket + ": " + e.getMessage(), e);
    }
  }

  private static Object fileKey(Path socket) throws IOException {
    return Files.readAttributes(socket, BasicFileAttributes.class).fileKey();
  }

  /** Returns the path of the socket. */
  public Path socket() {
    return socket;
  }

  /** Takes no more connections and removes the socket, if it is still there. Idempotent. */
  @Override
  public void close() {
    closing = true;
    UnixSockets.closeQuietly(listener);
    removeSocket();
    try {
      acceptor.join(GRACE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void removeSocket() {
    if (removed.compareAndSet(false, true)) { // a second close must not hit a successor's
      try {
        if (fileKey(socket).equals(fileKey)) {
          Files.deleteIfExists(socket);
        }
      } catch (NoSuchFileException e) {
        // someone has removed it already
      } catch (IOException e) {
        LOG.log(WARNING, "cannot remove " + socket, e);
      }
    }
  }

  private void accept() {
    while (!closing) {
      try {
        admit(listener.accept());
      } catch (ClosedChannelException e) {
        return; // close() did it
      } catch (IOException e) {
        // such as EMFILE: the next connection may fare better, and the process must not end over it
        LOG.log(ERROR, "accept on " + socket, e);
        pause();
      }
    }
  }

  private static void pause() {
    try {
      Thread.sleep(Duration.ofMillis(100));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void admit(SocketChannel peer) throws IOException {
    if (!policy.admits(peer)) {
      LOG.log(WARNING, "refused a peer on " + socket + " that does not run as root");
      UnixSockets.closeQuietly(peer);
      return;
    }
    admitted.accept(peer);
  }
}
