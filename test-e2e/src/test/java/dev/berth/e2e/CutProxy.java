package dev.berth.e2e;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.atomic.AtomicInteger;

/** Stands before a registry on loopback and cuts off connections that carry much. */
final class CutProxy implements AutoCloseable {
  private final ServerSocket server;
  private final int registryPort;
  private final Set<Socket> open = ConcurrentHashMap.newKeySet();
  private final AtomicInteger cutsLeft = new AtomicInteger();
  private volatile boolean dead;
  private volatile long cutAfterBytes = Long.MAX_VALUE;

  CutProxy(int registryPort) throws IOException {
    this.registryPort = registryPort;
    this.server = new ServerSocket(0, 50, InetAddress.getLoopbackAddress());
    Thread.ofVirtual().name("cut-proxy").start(this::accept);
  }

  int port() {
    return server.getLocalPort();
  }

  /** Cuts off as many connections, each after it has carried some bytes to the client. */
  void cut(int connections, long afterBytes) {
    cutAfterBytes = afterBytes;
    cutsLeft.set(connections);
  }

  int cutsLeft() {
    return cutsLeft.get();
  }

  /** Lets everything through again. */
  void mend() {
    dead = false;
    cutsLeft.set(0);
  }

  /** Cuts off the first connection that has carried some bytes, and all others from then on. */
  void cutForGood(long afterBytes) {
    cut(Integer.MAX_VALUE, afterBytes);
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        if (dead) {
          client.close();
          continue;
        }
        Socket registry = new Socket(InetAddress.getLoopbackAddress(), registryPort);
        Thread.ofVirtual().start(() -> copy(client, registry, false));
        Thread.ofVirtual().start(() -> copy(registry, client, true));
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private void copy(Socket from, Socket to, boolean toClient) {
    open.add(from);
    byte[] buffer = new byte[16 * 1024];
    long total = 0;
    try (from;
        to;
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream()) {
      for (int count = in.read(buffer); count > 0; count = in.read(buffer)) {
        total += count;
        if (toClient && total > cutAfterBytes && takeCut()) {
          return;
        }
        out.write(buffer, 0, count);
      }
    } catch (IOException e) {
      // the other side went away: that is what this proxy is for
    } finally {
      open.remove(from);
    }
  }

  private boolean takeCut() {
    int left = cutsLeft.getAndUpdate(cuts -> Math.max(0, cuts - 1));
    dead = left > Integer.MAX_VALUE / 2;
    return left > 0;
  }

  @Override
  public void close() throws IOException {
    server.close();
    for (Socket socket : open) {
      socket.close();
    }
  }
}
