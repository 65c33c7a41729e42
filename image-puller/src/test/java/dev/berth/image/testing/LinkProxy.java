package dev.berth.image.testing;

import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;
import java.time.Duration;
import java.util.Arrays;
import java.util.List;
import java.util.Set;
import java.util.concurrent.ArrayBlockingQueue;
import java.util.concurrent.BlockingQueue;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.CopyOnWriteArrayList;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;

/**
 * A link between a client and a server on loopback that is as long, as slow and as unreliable as a
 * test wants it: latency in both directions, a rate per connection, connections that fall silent
 * without being closed.
 */
public final class LinkProxy implements AutoCloseable {
  private static final int PIECE_BYTES = 32 * 1024;

  private final ServerSocket server;
  private final int target;
  private final List<Socket> open = new CopyOnWriteArrayList<>();
  private final AtomicInteger connections = new AtomicInteger();
  private final AtomicInteger busy = new AtomicInteger();
  private final AtomicInteger mostBusy = new AtomicInteger();
  private final AtomicInteger stallsLeft = new AtomicInteger();
  private final Set<Socket> silent = ConcurrentHashMap.newKeySet();
  private final AtomicLong carried = new AtomicLong();
  private volatile Duration latency = Duration.ZERO;
  private volatile long bytesPerSecond = Long.MAX_VALUE;
  private volatile long stallAfter = Long.MAX_VALUE;

  @SuppressWarnings("ArrayRecordComponent") // never compared
  private record Piece(byte[] bytes, long dueNanos) {}

  private LinkProxy(ServerSocket server, int target) {
    this.server = server;
    this.target = target;
  }

  /** Opens a link to a port on loopback that is only as long as loopback is. */
  public static LinkProxy to(int port) {
    try {
      var server = new ServerSocket();
      server.bind(new InetSocketAddress(InetAddress.getLoopbackAddress(), 0));
      var proxy = new LinkProxy(server, port);
      Thread.ofVirtual().name("link-proxy").start(proxy::accept);
      return proxy;
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /**
   * Opens a link for a benchmark, prints where, and stays until it is killed. Takes the port behind
   * it, the round trip in milliseconds, and the bytes per second of each connection.
   */
  public static void main(String[] arguments) throws InterruptedException {
    LinkProxy link =
        to(Integer.parseInt(arguments[0]))
            .roundTrip(Duration.ofMillis(Long.parseLong(arguments[1])))
            .rate(Long.parseLong(arguments[2]));
    System.out.println(link.host());
    Thread.currentThread().join(); // for good
  }

  /** Half of a round trip takes half of this. */
  public LinkProxy roundTrip(Duration time) {
    latency = time.dividedBy(2);
    return this;
  }

  /** No connection carries more than this to the client. */
  public LinkProxy rate(long perSecond) {
    bytesPerSecond = perSecond;
    return this;
  }

  /** The next connections that carry so much to the client fall silent and stay open. */
  public LinkProxy stall(int count, long afterBytes) {
    stallAfter = afterBytes;
    stallsLeft.set(count);
    return this;
  }

  /** How many connections have fallen silent and are still held open by the client. */
  public int silent() {
    return silent.size();
  }

  public int connections() {
    return connections.get();
  }

  /** The most connections that ever carried something to the client at once. */
  public int mostAtOnce() {
    return mostBusy.get();
  }

  /** How many bytes have come for the client in all. */
  public long carried() {
    return carried.get();
  }

  public String host() {
    return "127.0.0.1:" + server.getLocalPort();
  }

  private void accept() {
    while (!server.isClosed()) {
      try {
        Socket client = server.accept();
        connections.incrementAndGet();
        Socket upstream = new Socket(InetAddress.getLoopbackAddress(), target);
        open.add(client);
        open.add(upstream);
        carry(client, upstream, false);
        carry(upstream, client, true);
      } catch (IOException e) {
        return; // closed
      }
    }
  }

  private void carry(Socket from, Socket to, boolean toClient) {
    // As much as is on the way at once: what a window of TCP would hold.
    BlockingQueue<Piece> onTheWay = new ArrayBlockingQueue<>(128);
    Thread.ofVirtual().start(() -> take(from, to, onTheWay, toClient));
    Thread.ofVirtual().start(() -> deliver(from, to, onTheWay));
  }

  private void take(Socket from, Socket to, BlockingQueue<Piece> onTheWay, boolean toClient) {
    byte[] buffer = new byte[PIECE_BYTES];
    long total = 0;
    long nextNanos = System.nanoTime();
    boolean counted = false;
    try (InputStream in = from.getInputStream()) {
      for (int count = in.read(buffer); count > 0; count = in.read(buffer)) {
        total += count;
        carried.addAndGet(toClient ? count : 0);
        if (toClient && total > stallAfter && stallsLeft.getAndDecrement() > 0) {
          silent.add(to);
          return; // `deliver` keeps the connection open
        }
        if (toClient && !counted && total > 4L * PIECE_BYTES) {
          counted = true;
          mostBusy.accumulateAndGet(busy.incrementAndGet(), Math::max);
        }
        if (toClient && bytesPerSecond != Long.MAX_VALUE) {
          nextNanos = Math.max(nextNanos, System.nanoTime() - 5_000_000);
          nextNanos += count * 1_000_000_000L / bytesPerSecond;
          LockSupport.parkNanos(nextNanos - System.nanoTime());
        }
        byte[] piece = Arrays.copyOf(buffer, count);
        onTheWay.put(new Piece(piece, System.nanoTime() + latency.toNanos()));
      }
    } catch (IOException e) {
      // the other side went away
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      if (counted) {
        busy.decrementAndGet();
      }
    }
    end(onTheWay);
  }

  private static void end(BlockingQueue<Piece> onTheWay) {
    try {
      onTheWay.put(new Piece(new byte[0], 0));
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    }
  }

  private void deliver(Socket from, Socket to, BlockingQueue<Piece> onTheWay) {
    try (from;
        to;
        OutputStream out = to.getOutputStream()) {
      for (Piece piece = onTheWay.take(); piece.bytes().length > 0; piece = onTheWay.take()) {
        for (long left = piece.dueNanos() - System.nanoTime();
            left > 0;
            left = piece.dueNanos() - System.nanoTime()) {
          LockSupport.parkNanos(left);
        }
        out.write(piece.bytes());
      }
    } catch (IOException e) {
      // the other side went away
    } catch (InterruptedException e) {
      throw new AssertionError(e);
    } finally {
      silent.remove(from); // the client has ended it: nobody else does once it is silent
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
