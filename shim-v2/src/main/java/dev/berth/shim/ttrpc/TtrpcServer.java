package dev.berth.shim.ttrpc;

import dev.berth.base.BerthException;
import java.nio.channels.SocketChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;

/**
 * Serves ttrpc on a unix socket in the file system, to processes of uid 0 only (rule R17).
 *
 * <p>Each call runs on a virtual thread; answers of one connection may come in any order.
 * Thread-safe.
 */
public final class TtrpcServer implements AutoCloseable {
  private static final Duration GRACE = Duration.ofSeconds(1);

  private final Map<String, TtrpcService> services;
  private final Set<ServerConnection> connections = ConcurrentHashMap.newKeySet();
  private final UnixListener listener;
  private volatile boolean closing;

  private TtrpcServer(Path socket, PeerPolicy policy, List<TtrpcService> services) {
    this.services = ServerConnection.byName(services);
    this.listener = UnixListener.listen(socket, policy, peer -> serve(socket, peer));
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
    return new TtrpcServer(socket, policy, List.of(services));
  }

  /** Returns the path of the socket. */
  public Path socket() {
    return listener.socket();
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
    listener.close(); // removes the socket before connections end: who sees that can listen here
    connections.forEach(ServerConnection::refuse);
    connections.forEach(connection -> connection.finish(GRACE));
  }

  private void serve(Path socket, SocketChannel peer) {
    var connection = new ServerConnection(socket.toString(), services, peer, connections::remove);
    connections.add(connection);
    connection.start();
    if (closing) {
      connection.refuse(); // close() may have looked before it was added
    }
  }
}
