package dev.berth.runtime.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.function.Consumer;

/**
 * A netlink message under construction: the fixed part of its type first, then attributes.
 *
 * <p>Numbers are in the machine's byte order, as rtnetlink has them, unless a method says
 * otherwise; nfnetlink wants those of its attributes in network order. Not thread-safe.
 */
public final class NetlinkMessage {
  // linux/netlink.h
  static final int NLM_F_REQUEST = 1;
  static final int NLM_F_ACK = 4;
  static final int SIZE_OF_NLMSGHDR = 16;
  private static final int NLA_F_NESTED = 0x8000;
  private static final int SIZE_OF_NLATTR = 4;
  private static final int MAX_VALUE_BYTES = 0xFFFF - SIZE_OF_NLATTR;

  private ByteBuffer buffer = ByteBuffer.allocate(256).order(ByteOrder.nativeOrder());

  private NetlinkMessage() {}

  /** Begins a request of a type; its length and number are set when it is sent. */
  static NetlinkMessage of(int type, int flags) {
    NetlinkMessage message = new NetlinkMessage();
    message
        .buffer
        .putInt(0)
        .putShort((short) type)
        .putShort((short) (NLM_F_REQUEST | flags))
        .putInt(0)
        .putInt(0);
    return message;
  }

  int flags() {
    return buffer.getShort(6);
  }

  NetlinkMessage putByte(int value) {
    room(1).put((byte) value);
    return this;
  }

  NetlinkMessage putShort(int value) {
    room(2).putShort((short) value);
    return this;
  }

  NetlinkMessage putInt(int value) {
    room(4).putInt(value);
    return this;
  }

  NetlinkMessage attribute(int type, byte[] value) {
    if (value.length > MAX_VALUE_BYTES) { // the length field has 16 bits: it would wrap
      throw new IllegalArgumentException("netlink attribute of " + value.length + " bytes");
    }
    room(NetlinkAttributes.align(SIZE_OF_NLATTR + value.length))
        .putShort((short) (SIZE_OF_NLATTR + value.length))
        .putShort((short) type)
        .put(value);
    return pad();
  }

  NetlinkMessage attribute(int type, int value) {
    return attribute(type, bytes(value, ByteOrder.nativeOrder()));
  }

  /** Adds a number in network order. */
  NetlinkMessage bigEndian(int type, int value) {
    return attribute(type, bytes(value, ByteOrder.BIG_ENDIAN));
  }

  /** Adds a text with the NUL that ends it. */
  NetlinkMessage text(int type, String value) {
    if (value.indexOf('\0') >= 0) {
      throw new IllegalArgumentException("NUL inside a string for the kernel");
    }
    return attribute(type, (value + '\0').getBytes(UTF_8));
  }

  /** Adds an attribute that holds what {@code inside} adds. */
  NetlinkMessage nested(int type, Consumer<NetlinkMessage> inside) {
    int start = room(SIZE_OF_NLATTR).position();
    buffer.putShort((short) 0).putShort((short) (type | NLA_F_NESTED));
    inside.accept(this);
    int length = buffer.position() - start;
    if (length > 0xFFFF) {
      throw new IllegalArgumentException("nested netlink attribute of " + length + " bytes");
    }
    buffer.putShort(start, (short) length);
    return this;
  }

  /** Returns the message as it is sent. */
  byte[] toBytes(int sequence) {
    byte[] bytes = new byte[buffer.position()];
    buffer.get(0, bytes);
    ByteBuffer.wrap(bytes)
        .order(ByteOrder.nativeOrder())
        .putInt(0, bytes.length)
        .putInt(8, sequence);
    return bytes;
  }

  private NetlinkMessage pad() {
    while ((buffer.position() & 3) != 0) {
      room(1).put((byte) 0);
    }
    return this;
  }

  private static byte[] bytes(int value, ByteOrder order) {
    return ByteBuffer.allocate(4).order(order).putInt(value).array();
  }

  private ByteBuffer room(int bytes) {
    if (buffer.remaining() < bytes) {
      ByteBuffer larger =
          ByteBuffer.allocate(Math.max(buffer.capacity() * 2, buffer.position() + bytes))
              .order(ByteOrder.nativeOrder());
      buffer = larger.put(buffer.flip());
    }
    return buffer;
  }
}
