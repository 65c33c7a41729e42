package dev.berth.sandbox;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Namespaces;
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ProtocolFamily;
import java.net.StandardProtocolFamily;
import java.net.UnknownHostException;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.concurrent.Callable;
import java.util.function.Supplier;

/**
 * Makes connections to ports on a loopback address.
 *
 * <p>A socket belongs to the network namespace in which it was made, wherever it is used: only its
 * making needs a thread inside.
 */
final class PortConnection {
  private static final int MAX_PORT = 65535;

  private static final List<Loopback> LOOPBACKS =
      List.of(
          new Loopback(StandardProtocolFamily.INET, address("127.0.0.1")),
          new Loopback(StandardProtocolFamily.INET6, address("::1")));

  /** An address and its family. */
  private record Loopback(ProtocolFamily family, InetAddress address) {}

  private PortConnection() {}

  private static InetAddress address(String literal) {
    try {
      return InetAddress.getByName(literal);
    } catch (UnknownHostException e) {
      throw new IllegalStateException(literal, e);
    }
  }

  static SocketChannel onHost(int port) {
    return connect(port, Callable::call);
  }

  static SocketChannel inSandbox(Supplier<Fd> network, int port) {
    try (Fd namespace = network.get()) {
      return connect(port, making -> Namespaces.callInNetwork(namespace, making));
    }
  }

  /** Where sockets are made. */
  @FunctionalInterface
  private interface Place {
    SocketChannel make(Callable<SocketChannel> making) throws Exception;
  }

  private static SocketChannel connect(int port, Place place) {
    if (port < 1 || port > MAX_PORT) {
      throw new BerthException(
          INVALID_ARGUMENT, "port " + port + " is not one of 1 to " + MAX_PORT);
    }
    var failure = new BerthException(UNAVAILABLE, "cannot connect to port " + port);
    for (Loopback loopback : LOOPBACKS) {
      try {
        SocketChannel socket = place.make(() -> SocketChannel.open(loopback.family()));
        return connected(socket, new InetSocketAddress(loopback.address(), port));
      } catch (RuntimeException e) {
        throw e;
      } catch (Exception e) {
        failure = new BerthException(UNAVAILABLE, failure.getMessage() + ": " + e.getMessage(), e);
      }
    }
    throw failure;
  }

  private static SocketChannel connected(SocketChannel socket, InetSocketAddress address)
      throws IOException {
    try {
      socket.connect(address);
      return socket;
    } catch (IOException e) {
      socket.close();
      throw new IOException(address + ": " + e.getMessage(), e);
    }
  }
}
