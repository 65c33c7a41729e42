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
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;

/**
 * Serves ttrpc on a unix socket in the file system, to processes of uid 0 only (rule R17).
 *
 * <p>Each call runs on a virtual thread; answers of one connection may come in any order.
 * Thread-safe.
 */
public final class TtrpcServer implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(TtrpcServer.class.getName());
  private static final Duration GRACE = Duration.ofSeconds(1);

  private final Path socket;
  private final ServerSocketChannel listener;
  private final PeerPolicy policy;
  private final Map<String, TtrpcService> services;
  private final Set<ServerConnection> connections = ConcurrentHashMap.newKeySet();
  private final Thread acceptor;
  private final AtomicBoolean removed = new AtomicBoolean();
  private volatile boolean closing;

  private TtrpcServer(
      Path socket, ServerSocketChannel listener, PeerPolicy policy, List<TtrpcService> services) {
    this.socket = socket;
    this.listener = listener;
    this.policy = policy;
    this.services =
        services.stream()
            .collect(Collectors.toUnmodifiableMap(TtrpcService::name, Function.identity()));
    this.acceptor = Thread.ofVirtual().name("ttrpc-accept " + socket).unstarted(this::accept);
  }

  /**
   * Listens and serves until {@link #close}.
   *
   * @param socket where nothing is yet, in a directory of mode 0700; becomes mode 0600
   * @throws BerthException UNAVAILABLE when the path is taken or cannot be made
   */
  public static TtrpcServer listen(Path socket, TtrpcService... services) {
    return listen(socket, PeerPolicy.ROOT_ONLY, services);
  }

  static TtrpcServer listen(Path socket, PeerPolicy policy, TtrpcService... services) {
    try {
      var server = new TtrpcServer(socket, UnixSockets.listen(socket), policy, List.of(services));
      server.acceptor.start();
      return server;
    } catch (IOException e) {
      throw new BerthException(UNAVAILABLE, "listen on " + socket + ": " + e.getMessage(), e);
    }
  }

  /** Returns the path of the socket. */
  public Path socket() {
    return socket;
  }

  /** Returns whether anyone is connected. */
  public boolean hasClients() {
    return !connections.isEmpty();
  }

  /**
   * Takes no more connections and calls, cancels the operations under way, gives them a second to
   * answer, closes and removes the socket. Idempotent.
   */
  @Override
  public void close() {
    closing = true;
    UnixSockets.closeQuietly(listener);
    removeSocket(); // before connections end: who sees that can listen here
    connections.forEach(ServerConnection::refuse);
    connections.forEach(connection -> connection.finish(GRACE));
    try {
      acceptor.join(GRACE);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
  }

  private void removeSocket() {
    if (removed.compareAndSet(false, true)) { // a second close must not hit a successor's
      try {
        Files.deleteIfExists(socket);
      } catch (IOException e) {
        LOG.log(WARNING, "cannot remove " + socket, e);
      }
    }
  }

  @Nullable TtrpcService service(String name) {
    return services.get(name);
  }

  void ended(ServerConnection connection) {
    connections.remove(connection);
  }

  private void accept() {
    while (!closing) {
      try {
        admit(listener.accept());
      } catch (ClosedChannelException e) {
        return; // close() did it
      } catch (IOException e) {
        // such as EMFILE: the next connection may fare better, and the shim must not end over it
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
    var connection = new ServerConnection(this, peer);
    connections.add(connection);
    connection.start();
    if (closing) {
      connection.refuse(); // close() may have looked before it was added
    }
  }
}
