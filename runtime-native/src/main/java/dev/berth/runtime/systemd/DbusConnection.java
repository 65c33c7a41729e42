package dev.berth.runtime.systemd;

import static java.nio.charset.StandardCharsets.US_ASCII;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import java.io.EOFException;
import java.io.IOException;
import java.net.UnixDomainSocketAddress;
import java.nio.ByteBuffer;
import java.nio.channels.SelectionKey;
import java.nio.channels.Selector;
import java.nio.channels.SocketChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.HexFormat;
import java.util.function.Consumer;
import java.util.function.Predicate;
import org.jspecify.annotations.Nullable;

/**
 * A connection to one D-Bus peer, for one request. Everything on it ends at its deadline. Not
 * thread-safe.
 */
final class DbusConnection implements AutoCloseable {
  private static final int MAX_LINE = 512;

  private final Path socket;
  private final SocketChannel channel;
  private final Selector selector;
  private final SelectionKey key;
  private final long deadline;
  private final Duration limit;
  private int serial;

  private DbusConnection(Path socket, SocketChannel channel, Selector selector, Duration limit)
      throws IOException {
    this.socket = socket;
    this.channel = channel;
    this.selector = selector;
    this.limit = limit;
    this.deadline = System.nanoTime() + limit.toNanos();
    channel.configureBlocking(false);
    this.key = channel.register(selector, 0);
  }

  /**
   * Connects and says who we are.
   *
   * @throws BerthException FAILED_PRECONDITION if nobody listens, DEADLINE_EXCEEDED
   */
  static DbusConnection open(Path socket, Duration limit) {
    DbusConnection connection = connect(socket, limit);
    try {
      connection.authenticate();
      return connection;
    } catch (IOException e) {
      connection.close();
      throw connection.broken(e);
    } catch (RuntimeException e) {
      connection.close();
      throw e;
    }
  }

  private static DbusConnection connect(Path socket, Duration limit) {
    SocketChannel channel = null;
    try {
      channel = SocketChannel.open(UnixDomainSocketAddress.of(socket));
      return new DbusConnection(socket, channel, Selector.open(), limit);
    } catch (IOException e) {
      closeQuietly(channel);
      throw new BerthException(
          Kind.FAILED_PRECONDITION,
          "cannot connect to systemd at " + socket + ": " + e.getMessage(),
          e);
    }
  }

  private static void closeQuietly(@Nullable SocketChannel channel) {
    try {
      if (channel != null) {
        channel.close();
      }
    } catch (IOException e) {
      // it was never used
    }
  }

  /**
   * The mechanism EXTERNAL: the kernel tells the peer our uid, and we tell the same in hex.
   *
   * <p>{@code BEGIN} goes in the same packet, and nothing more before the answer: systemd lets a
   * message lie that it received together with {@code BEGIN}, until another one comes.
   */
  private void authenticate() throws IOException {
    String uid = Files.getAttribute(Path.of("/proc/self"), "unix:uid").toString();
    String hex = HexFormat.of().formatHex(uid.getBytes(US_ASCII));
    send(("\0AUTH EXTERNAL " + hex + "\r\nBEGIN\r\n").getBytes(US_ASCII));
    if (!line().startsWith("OK ")) {
      throw new BerthException(
          Kind.FAILED_PRECONDITION, "systemd at " + socket + " does not let uid " + uid + " in");
    }
  }

  private String line() throws IOException {
    StringBuilder line = new StringBuilder();
    while (line.length() < MAX_LINE) {
      line.append((char) receive(1)[0]);
      if (line.toString().endsWith("\r\n")) {
        return line.substring(0, line.length() - 2);
      }
    }
    throw DbusReader.malformed("an answer without an end");
  }

  /**
   * Calls a method.
   *
   * @param onSignal shown each signal that comes before the answer
   * @return the answer, which may be of type ERROR
   */
  DbusMessage call(
      String path,
      String target,
      String member,
      String signature,
      DbusWriter body,
      Consumer<DbusMessage> onSignal) {
    try {
      int expected = ++serial;
      send(DbusMessage.call(expected, path, target, member, signature, body).encode());
      while (true) {
        DbusMessage message = next();
        if (message.replySerial() == expected) {
          return message;
        }
        if (message.type() == DbusMessage.SIGNAL) {
          onSignal.accept(message);
        }
      }
    } catch (IOException e) {
      throw broken(e);
    }
  }

  /** Waits for the first signal that is the one. */
  void awaitSignal(Predicate<DbusMessage> wanted) {
    try {
      DbusMessage message;
      do {
        message = next();
      } while (message.type() != DbusMessage.SIGNAL || !wanted.test(message));
    } catch (IOException e) {
      throw broken(e);
    }
  }

  private DbusMessage next() throws IOException {
    byte[] header = receive(DbusMessage.FIXED_HEADER);
    ByteBuffer whole = ByteBuffer.allocate(DbusMessage.length(header)).put(header);
    receive(whole);
    return DbusMessage.decode(whole.array());
  }

  private byte[] receive(int bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.allocate(bytes);
    receive(buffer);
    return buffer.array();
  }

  private void receive(ByteBuffer buffer) throws IOException {
    while (buffer.hasRemaining()) {
      int count = channel.read(buffer);
      if (count < 0) {
        throw new EOFException("it closed the connection");
      }
      if (count == 0) {
        await(SelectionKey.OP_READ);
      }
    }
  }

  private void send(byte[] bytes) throws IOException {
    ByteBuffer buffer = ByteBuffer.wrap(bytes);
    while (buffer.hasRemaining()) {
      if (channel.write(buffer) == 0) {
        await(SelectionKey.OP_WRITE);
      }
    }
  }

  private void await(int operation) throws IOException {
    long left = Math.ceilDiv(deadline - System.nanoTime(), 1_000_000L);
    key.interestOps(operation);
    if (left <= 0 || selector.select(left) == 0) {
      if (Thread.currentThread().isInterrupted()) {
        throw new BerthException(Kind.CANCELLED, "interrupted while waiting for systemd");
      }
      if (deadline - System.nanoTime() <= 0) {
        throw new BerthException(
            Kind.DEADLINE_EXCEEDED, "systemd did not answer within " + limit.toSeconds() + " s");
      }
    }
    selector.selectedKeys().clear();
  }

  private BerthException broken(IOException e) {
    return new BerthException(
        Kind.UNAVAILABLE, "lost systemd at " + socket + ": " + e.getMessage(), e);
  }

  /** Idempotent. */
  @Override
  public void close() {
    try {
      selector.close();
      channel.close();
    } catch (IOException e) {
      // nothing is lost: every request was answered, or has failed already
    }
  }
}
