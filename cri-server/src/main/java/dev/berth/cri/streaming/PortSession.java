package dev.berth.cri.streaming;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.SocketChannel;
import java.util.concurrent.Callable;
import org.jspecify.annotations.Nullable;

/**
 * One connection to a port of a pod, from the client's request to the end of both directions. Each
 * direction ends by itself, as on a TCP connection. Thread-safe.
 */
final class PortSession {
  private static final System.Logger LOG = System.getLogger(PortSession.class.getName());
  private static final int BUFFER_BYTES = 32 << 10;

  private final PortClient client;
  private final InputQueue input;
  private volatile @Nullable SocketChannel socket;
  private volatile boolean clientGone;

  PortSession(PortClient client, InputQueue.Valve valve) {
    this.client = client;
    this.input = new InputQueue(valve);
  }

  /** What the client sends; may come before the port is connected. */
  InputQueue input() {
    return input;
  }

  /** Ends the session: the client wants nothing more, or its connection has ended. Idempotent. */
  void clientIsGone() {
    clientGone = true;
    input.discard();
    close(socket);
  }

  /** Begins, on threads of its own: sockets do not pin virtual ones. */
  void start(Callable<SocketChannel> connector) {
    Thread.ofVirtual().name("port-session").start(() -> run(connector));
  }

  private void run(Callable<SocketChannel> connector) {
    try (SocketChannel connected = connector.call()) {
      socket = connected;
      if (!clientGone) {
        converse(connected);
      }
    } catch (BerthException e) {
      client.outputEnded(String.valueOf(e.getMessage()));
    } catch (IOException e) {
      client.outputEnded(e.toString());
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    } catch (Exception e) { // outermost of its thread
      LOG.log(System.Logger.Level.ERROR, "a forwarded port failed unexpectedly", e);
      client.outputEnded(e.toString());
    } finally {
      input.discard();
      client.ended();
    }
  }

  private void converse(SocketChannel connected) throws InterruptedException {
    Thread feeder = Thread.ofVirtual().name("port-input").start(() -> feed(connected));
    try {
      ByteBuffer buffer = ByteBuffer.allocate(BUFFER_BYTES);
      while (connected.read(buffer) >= 0) {
        client.output(buffer.array(), buffer.position());
        buffer.clear();
      }
      client.outputEnded("");
    } catch (IOException e) { // reset by the port, or the client is gone
      client.outputEnded(clientGone ? "" : "reading from the port: " + e.getMessage());
      input.discard();
      close(connected);
    }
    feeder.join();
  }

  private void feed(SocketChannel connected) {
    try {
      for (byte[] chunk = input.take(); chunk != null; chunk = input.take()) {
        ByteBuffer bytes = ByteBuffer.wrap(chunk);
        while (bytes.hasRemaining()) {
          connected.write(bytes);
        }
      }
      connected.shutdownOutput();
    } catch (IOException e) { // the port reads no more; it may still write
      LOG.log(System.Logger.Level.DEBUG, "input of a port ends early: " + e);
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
    }
    input.discard();
  }

  private static void close(@Nullable SocketChannel connected) {
    if (connected != null) {
      try {
        connected.close();
      } catch (IOException e) {
        LOG.log(System.Logger.Level.WARNING, "cannot close a connection to a port", e);
      }
    }
  }
}
