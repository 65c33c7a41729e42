package dev.berth.shim.ttrpc;

import static dev.berth.base.BerthException.Kind.CANCELLED;
import static dev.berth.base.BerthException.Kind.DEADLINE_EXCEEDED;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.UNAVAILABLE;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.net.StandardProtocolFamily;
import java.net.UnixDomainSocketAddress;
import java.nio.channels.Channel;
import java.nio.channels.ServerSocketChannel;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import java.time.Duration;
import java.util.concurrent.CompletableFuture;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;

/** Opens unix sockets in the file system; abstract ones are never used (rule R17). */
final class UnixSockets {
  private static final int BACKLOG = 1024;

  /** What {@code sun_path} holds beside its NUL; see unix(7). */
  private static final int MAX_PATH_BYTES = 107;

  private UnixSockets() {}

  static SocketChannel connect(Path socket, Duration timeout) {
    SocketChannel channel = open(socket);
    CompletableFuture<Void> connected = new CompletableFuture<>();
    // connect(2) waits while the peer's backlog is full, so someone else has to wait for it
    Thread.ofVirtual().name("ttrpc-connect").start(() -> connect(channel, socket, connected));
    try {
      connected.get(timeout.toNanos(), TimeUnit.NANOSECONDS);
      return channel;
    } catch (ExecutionException e) {
      closeQuietly(channel);
      throw new BerthException(
          UNAVAILABLE, "connect to " + socket + ": " + e.getCause(), e.getCause());
    } catch (TimeoutException e) {
      closeQuietly(channel);
      throw new BerthException(
          DEADLINE_EXCEEDED, "connect to " + socket + ": not accepted within " + timeout, e);
    } catch (InterruptedException e) {
      closeQuietly(channel);
      Thread.currentThread().interrupt();
      throw new BerthException(CANCELLED, "connect to " + socket + ": interrupted", e);
    }
  }

  private static SocketChannel open(Path socket) {
    try {
      return SocketChannel.open(StandardProtocolFamily.UNIX);
    } catch (IOException e) {
      throw new BerthException(UNAVAILABLE, "connect to " + socket + ": " + e.getMessage(), e);
    }
  }

  private static void connect(
      SocketChannel channel, Path socket, CompletableFuture<Void> connected) {
    try {
      channel.connect(address(socket));
      connected.complete(null);
    } catch (IOException | RuntimeException e) {
      connected.completeExceptionally(e);
    }
  }

  /**
   * Listens on a path where nothing is yet. The socket gets mode 0600; the directory must be one
   * that only its owner may enter.
   */
  static ServerSocketChannel listen(Path socket) throws IOException {
    ServerSocketChannel channel = ServerSocketChannel.open(StandardProtocolFamily.UNIX);
    try {
      channel.bind(address(socket), BACKLOG);
      Files.setPosixFilePermissions(socket, PosixFilePermissions.fromString("rw-------"));
      return channel;
    } catch (IOException | RuntimeException e) {
      closeQuietly(channel);
      throw e;
    }
  }

  private static UnixDomainSocketAddress address(Path socket) {
    if (socket.toString().getBytes(UTF_8).length > MAX_PATH_BYTES) {
      throw new BerthException(
          INVALID_ARGUMENT, "socket path is longer than " + MAX_PATH_BYTES + " bytes: " + socket);
    }
    return UnixDomainSocketAddress.of(socket);
  }

  /** Closes; an error of close(2) is of no use to anyone. */
  static void closeQuietly(Channel channel) {
    try {
      channel.close();
    } catch (IOException e) {
      // the descriptor is gone even so
    }
  }
}
