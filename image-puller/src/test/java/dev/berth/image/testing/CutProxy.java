package dev.berth.image.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.util.List;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;

/** Stands between a client and a registry on loopback and cuts connections off. */
public final class CutProxy implements AutoCloseable {
  private final ServerSocket server;
  private final int target;
  private final List<Socket> open = new CopyOnWriteArrayList<>();
  private final AtomicInteger cutsLeft = new AtomicInteger();
  private volatile boolean forGood;
  private volatile long cutAfter = Long.MAX_VALUE;

  private CutProxy(ServerSocket server, int target) {
    this.server = server;
    this.target = target;
  }

  public static CutProxy to(DockerRegistry registry) {
    try {
      var server = new ServerSocket();
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      var proxy = new CutProxy(server, registry.port());
      Thread.ofVirtual().name("cut-proxy").start(proxy::accept);
      return proxy;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Cuts the next connections that carry more than some bytes to the client. */
  public CutProxy cut(int connections, long afterBytes) {
    cutsLeft.set(connections);
    cutAfter = afterBytes;
    return this;
  }

  /** Cuts the first connection that carries so much, and lets nobody in any more. */
  public CutProxy cutForGood(long afterBytes) {
    forGood = true;
    return cut(1, afterBytes);
  }

  public int cutsLeft() {
    return cutsLeft.get();
  }

  public String host() {
    return "127.0.0.1:" + server.getLocalPort();
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        Socket upstream = new Socket(InetAddress.getLoopbackAddress(), target);
        open.add(client);
        open.add(upstream);
        Thread.ofVirtual().start(() -> copy(client, upstream, false));
        Thread.ofVirtual().start(() -> copy(upstream, client, true));
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private void copy(Socket from, Socket to, boolean toClient) {
    byte[] buffer = new byte[16 * 1024];
    long total = 0;
    try (from;
        to;
        InputStream in = from.getInputStream();
        OutputStream out = to.getOutputStream()) {
      for (int count = in.read(buffer); count > 0; count = in.read(buffer)) {
        total += count;
        if (toClient && total > cutAfter && cutsLeft.getAndDecrement() > 0) {
          out.write(buffer, 0, count / 2);
          if (forGood) {
            close();
          }
          return;
        }
        out.write(buffer, 0, count);
      }
    } catch (IOException e) {
      // the other side went away: that is what this proxy is for
    }
  }

  @Override
  public void close() {
    try {
      server.close();
      for (Socket socket : open) {
        socket.close();
      }
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
