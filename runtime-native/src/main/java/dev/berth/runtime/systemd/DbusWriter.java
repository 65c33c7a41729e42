package dev.berth.runtime.systemd;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import java.util.function.Consumer;

/**
 * Marshals values as the D-Bus specification says, in little-endian order. Every value is aligned
 * to its natural boundary, counted from the begin of the buffer.
 *
 * <p>Not thread-safe.
 */
final class DbusWriter {
  private ByteBuffer out = ByteBuffer.allocate(512).order(ByteOrder.LITTLE_ENDIAN);

  DbusWriter align(int boundary) {
    int padding = -out.position() & (boundary - 1);
    room(padding).put(new byte[padding]);
    return this;
  }

  DbusWriter octet(int value) {
    room(1).put((byte) value);
    return this;
  }

  DbusWriter flag(boolean value) {
    return number(value ? 1 : 0);
  }

  DbusWriter number(int value) {
    align(Integer.BYTES).room(Integer.BYTES).putInt(value);
    return this;
  }

  DbusWriter number64(long value) {
    align(Long.BYTES).room(Long.BYTES).putLong(value);
    return this;
  }

  /** Writes a string or an object path. */
  DbusWriter text(String value) {
    byte[] bytes = value.getBytes(StandardCharsets.UTF_8);
    number(bytes.length).room(bytes.length + 1).put(bytes).put((byte) 0);
    return this;
  }

  DbusWriter signature(String value) {
    byte[] bytes = value.getBytes(StandardCharsets.US_ASCII);
    octet(bytes.length).room(bytes.length + 1).put(bytes).put((byte) 0);
    return this;
  }

  /** Writes an array; its length does not count the padding before the first element. */
  DbusWriter array(int elementAlignment, Consumer<DbusWriter> elements) {
    number(0);
    int length = out.position() - Integer.BYTES;
    align(elementAlignment);
    int first = out.position();
    elements.accept(this);
    out.putInt(length, out.position() - first);
    return this;
  }

  byte[] toByteArray() {
    return Arrays.copyOf(out.array(), out.position());
  }

  private ByteBuffer room(int bytes) {
    if (out.remaining() < bytes) {
      int size = Math.max(out.capacity() * 2, out.position() + bytes);
      out = ByteBuffer.allocate(size).order(ByteOrder.LITTLE_ENDIAN).put(out.flip());
    }
    return out;
  }
}
