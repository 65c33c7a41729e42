package dev.berth.cri.streaming;

import java.util.List;
import java.util.Optional;

/**
 * A WebSocket subprotocol for the streams of a process, or of ports.
 *
 * @param name as client and server say it; empty if the client names none
 * @param base64 whether payloads are text: a digit for the channel and base64
 */
record WebSocketProtocol(String name, StreamVersion version, boolean base64) {
  /** Carries SPDY, as it would be on the connection itself, in binary messages. */
  static final String TUNNEL = "SPDY/3.1+portforward.k8s.io";

  private static final WebSocketProtocol UNNAMED =
      new WebSocketProtocol("", StreamVersion.V1, false);
  private static final WebSocketProtocol V4 =
      new WebSocketProtocol("v4.channel.k8s.io", StreamVersion.V4, false);
  private static final WebSocketProtocol V4_BASE64 =
      new WebSocketProtocol("v4.base64.channel.k8s.io", StreamVersion.V4, true);

  private static final List<WebSocketProtocol> OF_PROCESSES =
      List.of(
          new WebSocketProtocol("v5.channel.k8s.io", StreamVersion.V5, false),
          V4,
          V4_BASE64,
          new WebSocketProtocol("channel.k8s.io", StreamVersion.V1, false),
          new WebSocketProtocol("base64.channel.k8s.io", StreamVersion.V1, true));

  private static final List<WebSocketProtocol> OF_PORTS = List.of(V4, V4_BASE64);

  /** Returns the first of what a client offers that is served for exec and attach. */
  static Optional<WebSocketProtocol> ofProcess(List<String> offered) {
    return choose(offered, OF_PROCESSES);
  }

  /** Returns the first of what a client offers that is served for ports, tunnels aside. */
  static Optional<WebSocketProtocol> ofPorts(List<String> offered) {
    return choose(offered, OF_PORTS);
  }

  private static Optional<WebSocketProtocol> choose(
      List<String> offered, List<WebSocketProtocol> served) {
    if (offered.isEmpty()) {
      return Optional.of(UNNAMED);
    }
    return offered.stream()
        .flatMap(name -> served.stream().filter(protocol -> protocol.name.equals(name)))
        .findFirst();
  }
}
