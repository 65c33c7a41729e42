package dev.berth.cri.streaming;

import java.util.Map;

/** A stream that a client has opened on a SPDY connection. Used by the connection's thread only. */
final class SpdyStream {
  private final int id;
  private final Map<String, String> headers;
  private Receiver receiver = new Receiver() {};
  private boolean ended;

  /** Gets what the client sends on a stream. */
  interface Receiver {
    /** Takes a part of it. */
    default void data(byte[] bytes) {}

    /** Nothing more will come: the client has closed its half. */
    default void end() {}

    /** The client wants nothing more of this stream, either way. */
    default void reset() {
      end();
    }
  }

  /**
   * @param headers by their names in lower case
   */
  SpdyStream(int id, Map<String, String> headers) {
    this.id = id;
    this.headers = headers;
  }

  int id() {
    return id;
  }

  /** Returns a header; empty if it is missing. */
  String header(String name) {
    return headers.getOrDefault(name, "");
  }

  Receiver receiver() {
    return receiver;
  }

  /** Sets who gets what comes; before, it is dropped. An end that has come is told at once. */
  void receiver(Receiver newReceiver) {
    receiver = newReceiver;
    if (ended) {
      newReceiver.end();
    }
  }

  void markEnded() {
    ended = true;
  }
}
