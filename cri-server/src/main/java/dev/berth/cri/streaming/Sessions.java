package dev.berth.cri.streaming;

import dev.berth.base.Operation;
import dev.berth.sandbox.StandardStreams;
import dev.berth.sandbox.StreamedProcess;
import dev.berth.sandbox.Streams;
import java.nio.channels.SocketChannel;
import java.util.List;
import java.util.function.Function;
import java.util.function.IntFunction;
import java.util.function.Supplier;

/** Makes what serves a request, for each of the protocols. */
final class Sessions {
  static final int MAX_PORTS = 100;

  private final Streams streams;

  Sessions(Streams streams) {
    this.streams = streams;
  }

  Function<SpdyConnection, SpdyConnection.Application> processOverSpdy(
      StreamRequest request, StreamVersion version) {
    return switch (request) {
      case StreamRequest.Exec exec ->
          spdyProcess(version, exec.streams(), exec.terminal(), starter(exec));
      case StreamRequest.Attach attach ->
          spdyProcess(version, attach.streams(), attach.terminal(), starter(attach));
      case StreamRequest.PortForward _ -> throw new IllegalArgumentException("no process");
    };
  }

  private static Function<SpdyConnection, SpdyConnection.Application> spdyProcess(
      StreamVersion version,
      StandardStreams wanted,
      boolean terminal,
      Supplier<StreamedProcess> starter) {
    return connection -> new SpdyProcess(connection, version, wanted, terminal, starter);
  }

  Function<SpdyConnection, SpdyConnection.Application> portsOverSpdy(
      StreamRequest.PortForward request) {
    return connection -> new SpdyPorts(connection, connector(request));
  }

  Function<WebSocketConnection, WebSocketConnection.Application> processOverWebSocket(
      StreamRequest request, StreamVersion version) {
    return switch (request) {
      case StreamRequest.Exec exec ->
          connection -> new WebSocketProcess(connection, version, exec.streams(), starter(exec));
      case StreamRequest.Attach attach ->
          connection ->
              new WebSocketProcess(connection, version, attach.streams(), starter(attach));
      case StreamRequest.PortForward _ -> throw new IllegalArgumentException("no process");
    };
  }

  Function<WebSocketConnection, WebSocketConnection.Application> portsOverWebSocket(
      StreamRequest.PortForward request, List<Integer> ports) {
    return connection -> new WebSocketPorts(connection, ports, connector(request));
  }

  private Supplier<StreamedProcess> starter(StreamRequest.Exec exec) {
    return () ->
        streams.exec(
            exec.containerId(),
            exec.command(),
            exec.terminal(),
            exec.streams(),
            Operation.internal("Exec stream"));
  }

  private Supplier<StreamedProcess> starter(StreamRequest.Attach attach) {
    return () ->
        streams.attach(attach.containerId(), attach.streams(), Operation.internal("Attach stream"));
  }

  private IntFunction<SocketChannel> connector(StreamRequest.PortForward forward) {
    return port ->
        streams.forward(forward.sandboxId(), port, Operation.internal("PortForward connection"));
  }
}
