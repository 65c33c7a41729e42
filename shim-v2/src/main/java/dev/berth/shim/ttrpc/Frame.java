package dev.berth.shim.ttrpc;

import com.google.protobuf.MessageLite;
import java.nio.ByteBuffer;

/**
 * One frame: length and stream id as big-endian 32-bit numbers, type and flags as bytes, then the
 * message. Streams that a client opens have odd ids which rise from 1.
 *
 * @param streamId an unsigned 31-bit number in everything a well-behaved peer sends
 * @param payload owned by the frame; not copied
 */
@SuppressWarnings("ArrayRecordComponent") // never compared, only passed from reader to parser
record Frame(int streamId, byte type, byte flags, byte[] payload) implements Incoming {
  static final int HEADER_BYTES = 10;

  /** The longest message a peer accepts: both sides of the protocol fix it. */
  static final int MAX_PAYLOAD_BYTES = 4 << 20;

  static final byte REQUEST = 1;
  static final byte RESPONSE = 2;
  static final byte DATA = 3;

  /** The sender will send no more on this stream. */
  static final byte REMOTE_CLOSED = 0x1;

  /** The sender will send more on this stream: it is not a unary call. */
  static final byte REMOTE_OPEN = 0x2;

  static Frame request(int streamId, MessageLite message) {
    return new Frame(streamId, REQUEST, (byte) 0, message.toByteArray());
  }

  static Frame response(int streamId, MessageLite message) {
    return new Frame(streamId, RESPONSE, (byte) 0, message.toByteArray());
  }

  boolean has(byte flag) {
    return (flags & flag) != 0;
  }

  boolean isTooLong() {
    return payload.length > MAX_PAYLOAD_BYTES;
  }

  /** Returns the bytes of the frame, ready to be written. */
  ByteBuffer encode() {
    return ByteBuffer.allocate(HEADER_BYTES + payload.length)
        .putInt(payload.length)
        .putInt(streamId)
        .put(type)
        .put(flags)
        .put(payload)
        .flip();
  }
}
