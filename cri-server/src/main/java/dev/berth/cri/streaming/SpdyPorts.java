package dev.berth.cri.streaming;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.HashMap;
import java.util.HashSet;
import java.util.Map;
import java.util.OptionalInt;
import java.util.Set;
import java.util.function.IntFunction;

/**
 * Ports whose client speaks SPDY: for each connection it opens a pair of streams with the same
 * request id, one for an error and one for the data. The connection is made when both are there.
 */
final class SpdyPorts implements SpdyConnection.Application {
  private static final int PAIRING_LIMIT_SECONDS = 30;
  private static final int MAX_PORT = 65535;
  private static final String ERROR = "error";
  private static final String DATA = "data";

  private final SpdyConnection connection;
  private final IntFunction<SocketChannel> connector;

  // Used by the connection's thread only.
  private final Map<String, SpdyStream> unpaired = new HashMap<>();
  private final Set<PortSession> sessions = new HashSet<>();

  /**
   * @param connector connects to a port of the pod
   */
  SpdyPorts(SpdyConnection connection, IntFunction<SocketChannel> connector) {
    this.connection = connection;
    this.connector = connector;
  }

  @Override
  public void opened(SpdyStream stream) {
    String type = stream.header("streamtype");
    boolean known = type.equals(ERROR) || type.equals(DATA);
    if (!known || port(stream).isEmpty()) {
      connection.reset(stream.id());
      return;
    }
    connection.accept(stream);
    String request = requestId(stream, type);
    SpdyStream other = unpaired.remove(request);
    if (other == null) {
      unpaired.put(request, stream);
      connection.outlet().after(PAIRING_LIMIT_SECONDS, () -> giveUp(request, stream));
    } else if (other.header("streamtype").equals(type)) {
      unpaired.put(request, other);
      connection.reset(stream.id());
    } else if (type.equals(DATA)) {
      forward(stream, other);
    } else {
      forward(other, stream);
    }
  }

  /** Old clients give none, but open the error stream and then the other. */
  private static String requestId(SpdyStream stream, String type) {
    String id = stream.header("requestid");
    if (!id.isEmpty()) {
      return id;
    }
    return Integer.toString(type.equals(ERROR) ? stream.id() : stream.id() - 2);
  }

  private static OptionalInt port(SpdyStream stream) {
    String text = stream.header("port");
    if (!text.matches("[0-9]{1,5}")) {
      return OptionalInt.empty();
    }
    int port = Integer.parseInt(text);
    return port >= 1 && port <= MAX_PORT ? OptionalInt.of(port) : OptionalInt.empty();
  }

  private void giveUp(String request, SpdyStream stream) {
    if (unpaired.remove(request, stream)) {
      connection.reset(stream.id());
    }
  }

  private void forward(SpdyStream data, SpdyStream error) {
    int port = port(data).orElseThrow();
    Pair pair = new Pair(data, error);
    sessions.add(pair.session);
    pair.session.start(() -> connector.apply(port));
  }

  /** One connection and the streams that it has. */
  private final class Pair implements PortClient {
    private final SpdyStream data;
    private final SpdyStream error;
    private final PortSession session;

    Pair(SpdyStream data, SpdyStream error) {
      this.data = data;
      this.error = error;
      this.session = new PortSession(this, connection.outlet());
      data.receiver(receiver());
    }

    private SpdyStream.Receiver receiver() {
      return new SpdyStream.Receiver() {
        @Override
        public void data(byte[] bytes) {
          session.input().add(bytes);
        }

        @Override
        public void end() {
          session.input().end();
        }

        @Override
        public void reset() {
          session.clientIsGone();
        }
      };
    }

    @Override
    public void output(byte[] bytes, int length)
        throws ClosedChannelException, InterruptedException {
      connection.send(data, bytes, length);
    }

    /** The error stream ends as well: clients wait for it before they close their half. */
    @Override
    public void outputEnded(String message) {
      connection.finish(error, message.getBytes(UTF_8));
      connection.finish(data, new byte[0]);
    }

    @Override
    public void ended() {
      connection
          .outlet()
          .execute(() -> {
            sessions.remove(session);
            connection.forget(data);
            connection.forget(error);
          });
    }
  }

  @Override
  public void disconnected() {
    sessions.forEach(PortSession::clientIsGone);
  }
}
