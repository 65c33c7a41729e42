package dev.berth.cri.streaming;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.channels.ClosedChannelException;
import java.nio.channels.SocketChannel;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.atomic.AtomicInteger;
import java.util.function.IntFunction;

/**
 * Ports whose client speaks WebSocket: the one with index i has channel 2i for data and 2i+1 for an
 * error, and its number comes first on both. The connection ends with the last of them.
 */
final class WebSocketPorts implements WebSocketConnection.Application {
  private final WebSocketConnection connection;
  private final IntFunction<SocketChannel> connector;
  private final List<Port> ports = new ArrayList<>();
  private final AtomicInteger open;

  /**
   * @param numbers of the ports, at least one
   * @param connector connects to a port of the pod
   */
  WebSocketPorts(
      WebSocketConnection connection, List<Integer> numbers, IntFunction<SocketChannel> connector) {
    this.connection = connection;
    this.connector = connector;
    this.open = new AtomicInteger(numbers.size());
    numbers.forEach(number -> ports.add(new Port(number, 2 * ports.size())));
  }

  @Override
  public void connected() {
    ports.forEach(Port::start);
  }

  @Override
  public void received(int channel, byte[] bytes) {
    if (channel % 2 == 0 && channel >= 0 && channel / 2 < ports.size()) {
      ports.get(channel / 2).session.input().add(bytes);
    }
  }

  /** One port and its channels. */
  private final class Port implements PortClient {
    private final int number;
    private final int channel;
    private final PortSession session;

    Port(int number, int channel) {
      this.number = number;
      this.channel = channel;
      this.session = new PortSession(this, connection.outlet());
    }

    void start() {
      byte[] littleEndian = {(byte) number, (byte) (number >> 8)};
      connection.sendNow(channel, littleEndian);
      connection.sendNow(channel + 1, littleEndian);
      session.start(() -> connector.apply(number));
    }

    @Override
    public void output(byte[] bytes, int length)
        throws ClosedChannelException, InterruptedException {
      connection.send(channel, bytes, length);
    }

    /** There is no way to say that half of a channel has ended: the whole has. */
    @Override
    public void outputEnded(String error) {
      if (!error.isEmpty()) {
        connection.sendNow(channel + 1, error.getBytes(UTF_8));
      }
      session.input().end();
    }

    @Override
    public void ended() {
      if (open.decrementAndGet() == 0) {
        connection.end();
      }
    }
  }

  @Override
  public void disconnected() {
    ports.forEach(port -> port.session.clientIsGone());
  }
}
