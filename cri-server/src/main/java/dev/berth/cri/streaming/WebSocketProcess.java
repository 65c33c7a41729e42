package dev.berth.cri.streaming;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.sandbox.StandardStreams;
import dev.berth.sandbox.StreamedProcess;
import java.nio.channels.ClosedChannelException;
import java.util.function.Supplier;

/** A process whose client speaks WebSocket: a channel for each of its streams. */
final class WebSocketProcess implements WebSocketConnection.Application, ProcessClient {
  private static final int STDIN = 0;
  private static final int STDOUT = 1;
  private static final int STDERR = 2;
  private static final int ERROR = 3;
  private static final int RESIZE = 4;
  private static final int CLOSE = 255;

  private final WebSocketConnection connection;
  private final StreamVersion version;
  private final StandardStreams wanted;
  private final Supplier<StreamedProcess> starter;
  private final ProcessSession session;

  WebSocketProcess(
      WebSocketConnection connection,
      StreamVersion version,
      StandardStreams wanted,
      Supplier<StreamedProcess> starter) {
    this.connection = connection;
    this.version = version;
    this.wanted = wanted;
    this.starter = starter;
    this.session = new ProcessSession(this, connection.outlet());
  }

  /** An empty message tells the client that it can begin. */
  @Override
  public void connected() {
    int lowest = wanted.stdout() ? STDOUT : wanted.stderr() ? STDERR : ERROR;
    connection.sendNow(lowest, new byte[0]);
    session.start(starter);
  }

  @Override
  public void received(int channel, byte[] bytes) {
    switch (channel) {
      case STDIN -> session.stdin().add(bytes);
      case RESIZE -> session.resize(bytes);
      case CLOSE -> {
        if (version.hasClose() && bytes.length > 0 && bytes[0] == STDIN) {
          session.stdin().end();
        }
      }
      default -> {} // none that a client writes to
    }
  }

  @Override
  public void output(boolean error, byte[] bytes, int length)
      throws ClosedChannelException, InterruptedException {
    connection.send(error ? STDERR : STDOUT, bytes, length);
  }

  @Override
  public void finish(Outcome outcome) {
    String told = outcome.told(version);
    if (!told.isEmpty()) {
      connection.sendNow(ERROR, told.getBytes(UTF_8));
    }
    connection.end();
  }

  @Override
  public void disconnected() {
    session.clientIsGone();
  }
}
