package dev.berth.cri.streaming;

import java.util.List;
import java.util.Optional;

/** A version of the protocol by which the streams of a process are carried. */
enum StreamVersion {
  V1("channel.k8s.io"),
  V2("v2.channel.k8s.io"),
  V3("v3.channel.k8s.io"),
  V4("v4.channel.k8s.io"),
  V5("v5.channel.k8s.io");

  private static final List<StreamVersion> OVER_SPDY = List.of(V4, V3, V2, V1);

  private final String protocol;

  StreamVersion(String protocol) {
    this.protocol = protocol;
  }

  String protocol() {
    return protocol;
  }

  /** Tells whether a terminal's size has a stream; before v3 it could not be changed. */
  boolean hasResize() {
    return compareTo(V3) >= 0;
  }

  /** Tells whether the end is told as a {@code metav1.Status}; before v4 it was plain text. */
  boolean hasStatus() {
    return compareTo(V4) >= 0;
  }

  /** Tells whether a client can end its input and go on reading. */
  boolean hasClose() {
    return compareTo(V5) >= 0;
  }

  /** Returns the first of what a client offers that is served over SPDY. */
  static Optional<StreamVersion> overSpdy(List<String> offered) {
    return offered.stream()
        .flatMap(name -> OVER_SPDY.stream().filter(version -> version.protocol.equals(name)))
        .findFirst();
  }

  /** Returns the names of all versions served over SPDY, the newest first. */
  static List<String> namesOverSpdy() {
    return OVER_SPDY.stream().map(StreamVersion::protocol).toList();
  }
}
