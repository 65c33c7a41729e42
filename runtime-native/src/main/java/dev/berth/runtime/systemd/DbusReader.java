package dev.berth.runtime.systemd;

import dev.berth.base.BerthException;
import dev.berth.base.BerthException.Kind;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;

/**
 * Reads marshalled values; the counterpart of {@link DbusWriter}. What does not fit is an error,
 * never a read beyond the message. Not thread-safe.
 */
final class DbusReader {
  private final ByteBuffer in;

  /**
   * @param in from its position, in the byte order of the message
   */
  DbusReader(ByteBuffer in) {
    this.in = in.slice().order(in.order());
  }

  DbusReader align(int boundary) {
    skip(-in.position() & (boundary - 1));
    return this;
  }

  boolean hasMore() {
    return in.hasRemaining();
  }

  int position() {
    return in.position();
  }

  int octet() {
    require(1);
    return in.get() & 0xff;
  }

  int number() {
    align(Integer.BYTES).require(Integer.BYTES);
    return in.getInt();
  }

  /** Reads a string or an object path. */
  String text() {
    return text(number());
  }

  String signature() {
    return text(octet());
  }

  private String text(int length) {
    require(length);
    String value = new String(bytes(length), StandardCharsets.UTF_8);
    if (octet() != 0) {
      throw malformed("a string without its end");
    }
    return value;
  }

  private byte[] bytes(int length) {
    byte[] bytes = new byte[length];
    in.get(bytes);
    return bytes;
  }

  private void skip(int bytes) {
    require(bytes);
    in.position(in.position() + bytes);
  }

  private void require(int bytes) {
    if (bytes < 0 || in.remaining() < bytes) {
      throw malformed("it ends within a value");
    }
  }

  static BerthException malformed(String how) {
    return new BerthException(Kind.INTERNAL, "malformed D-Bus message: " + how);
  }
}
