package dev.berth.runtime.systemd;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;

/**
 * A message, as much of it as this client looks at.
 *
 * @param type one of the constants below; others are to be ignored
 * @param serial given by its sender
 * @param replySerial of the call that it answers; 0 if it is no answer
 * @param path of the object; empty where it has none, as are the next four
 * @param member the method or signal
 * @param error the name of an error
 * @param signature the types in the body
 */
record DbusMessage(
    int type,
    int serial,
    int replySerial,
    String path,
    String target,
    String member,
    String error,
    String signature,
    ByteBuffer body) {
  static final int CALL = 1;
  static final int RETURN = 2;
  static final int ERROR = 3;
  static final int SIGNAL = 4;

  /** The bytes before the header fields, with the length of those. */
  static final int FIXED_HEADER = 16;

  /** What systemd says to a client is far below this; the specification allows 128 MiB. */
  static final int MAX_BYTES = 1 << 20;

  private static final int VERSION = 1;
  private static final int PATH = 1;
  private static final int INTERFACE = 2;
  private static final int MEMBER = 3;
  private static final int ERROR_NAME = 4;
  private static final int REPLY_SERIAL = 5;
  private static final int SIGNATURE = 8;

  /** Returns a call of a method. */
  static DbusMessage call(
      int serial, String path, String target, String member, String signature, DbusWriter body) {
    return new DbusMessage(
        CALL, serial, 0, path, target, member, "", signature, ByteBuffer.wrap(body.toByteArray()));
  }

  byte[] encode() {
    DbusWriter out = new DbusWriter().octet('l').octet(type).octet(0).octet(VERSION);
    out.number(body.remaining()).number(serial);
    out.array(Long.BYTES, this::fields).align(Long.BYTES);
    byte[] header = out.toByteArray();
    ByteBuffer whole = ByteBuffer.allocate(header.length + body.remaining());
    return whole.put(header).put(body.duplicate()).array();
  }

  private void fields(DbusWriter out) {
    text(out, PATH, "o", path);
    text(out, INTERFACE, "s", target);
    text(out, MEMBER, "s", member);
    text(out, ERROR_NAME, "s", error);
    if (replySerial != 0) {
      out.align(Long.BYTES).octet(REPLY_SERIAL).signature("u").number(replySerial);
    }
    if (!signature.isEmpty()) {
      out.align(Long.BYTES).octet(SIGNATURE).signature("g").signature(signature);
    }
  }

  private static void text(DbusWriter out, int field, String type, String value) {
    if (!value.isEmpty()) {
      out.align(Long.BYTES).octet(field).signature(type).text(value);
    }
  }

  /**
   * Tells how long a message is.
   *
   * @param header its first {@link #FIXED_HEADER} bytes
   * @throws dev.berth.base.BerthException INTERNAL if that is no message, or one too long
   */
  static int length(byte[] header) {
    ByteBuffer in = ordered(header);
    long fields = Integer.toUnsignedLong(in.getInt(12));
    long padded = FIXED_HEADER + ((fields + 7) & ~7L);
    long length = padded + Integer.toUnsignedLong(in.getInt(4));
    if (header[3] != VERSION || length > MAX_BYTES) {
      throw DbusReader.malformed("version " + header[3] + ", " + length + " bytes");
    }
    return (int) length;
  }

  /** Reads a whole message. */
  static DbusMessage decode(byte[] bytes) {
    ByteBuffer in = ordered(bytes);
    int fieldsEnd = FIXED_HEADER + in.getInt(12);
    DbusReader header = new DbusReader(in.duplicate().order(in.order()).limit(fieldsEnd));
    for (int i = 0; i < FIXED_HEADER; i++) {
      header.octet();
    }
    Fields fields = new Fields();
    while (header.hasMore()) {
      fields.read(header.align(Long.BYTES));
    }
    in.position((fieldsEnd + 7) & ~7);
    return new DbusMessage(
        bytes[1] & 0xff,
        in.getInt(8),
        fields.replySerial,
        fields.path,
        fields.target,
        fields.member,
        fields.error,
        fields.signature,
        in);
  }

  private static ByteBuffer ordered(byte[] bytes) {
    return switch (bytes[0]) {
      case 'l' -> ByteBuffer.wrap(bytes).order(ByteOrder.LITTLE_ENDIAN);
      case 'B' -> ByteBuffer.wrap(bytes).order(ByteOrder.BIG_ENDIAN);
      default -> throw DbusReader.malformed("byte order " + bytes[0]);
    };
  }

  /** Reads the values of the body. */
  DbusReader reader() {
    return new DbusReader(body);
  }

  /** The header fields while they are read. */
  private static final class Fields {
    private int replySerial;
    private String path = "";
    private String target = "";
    private String member = "";
    private String error = "";
    private String signature = "";

    private void read(DbusReader in) {
      int field = in.octet();
      String type = in.signature();
      switch (type) {
        case "s", "o" -> text(field, in.text());
        case "g" -> {
          String value = in.signature();
          signature = field == SIGNATURE ? value : signature;
        }
        case "u" -> {
          int value = in.number();
          replySerial = field == REPLY_SERIAL ? value : replySerial;
        }
        default -> throw DbusReader.malformed("header field " + field + " of type " + type);
      }
    }

    private void text(int field, String value) {
      switch (field) {
        case PATH -> path = value;
        case INTERFACE -> target = value;
        case MEMBER -> member = value;
        case ERROR_NAME -> error = value;
        default -> {} // destination and sender, of no use without a bus
      }
    }
  }
}
