package dev.berth.base;

import java.nio.ByteBuffer;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Consumer;
import java.util.zip.CRC32C;
import org.jspecify.annotations.Nullable;

/**
 * The format of the files of a {@link MetadataStore}: a header, then frames.
 *
 * <pre>
 * header  magic "BERTHMS1" | generation u64 | salt u64 | crc32c u32      (big-endian)
 * frame   mark u32 | length u32 | crc32c(salt, length, payload) u32 | payload
 * </pre>
 *
 * <p>The salt is drawn per file and enters every checksum, so that neither the frames of an older
 * file nor bytes that a record merely quotes can pass as a frame when a reader looks for the next
 * good one behind a damaged one.
 */
final class Frames {
  static final int HEADER_BYTES = 28;
  static final int FRAME_OVERHEAD_BYTES = 12;

  private static final long MAGIC = 0x42455254484d5331L;
  private static final int MARK = 0xb3a7f00d;

  private Frames() {}

  /** The identity of one file. */
  record Header(long generation, long salt) {
    byte[] encode() {
      var out = ByteBuffer.allocate(HEADER_BYTES);
      out.putLong(MAGIC).putLong(generation).putLong(salt);
      return out.putInt(crc(out.array(), 0, HEADER_BYTES - 4)).array();
    }

    /** Returns the header that {@code file} begins with, or null if it is torn or damaged. */
    static @Nullable Header decode(byte[] file) {
      if (file.length < HEADER_BYTES) {
        return null;
      }
      var in = ByteBuffer.wrap(file);
      if (in.getLong() != MAGIC) {
        return null;
      }
      var header = new Header(in.getLong(), in.getLong());
      return in.getInt() == crc(file, 0, HEADER_BYTES - 4) ? header : null;
    }
  }

  /** A stretch of bytes that holds no good frame although good frames follow it. */
  record Damage(int offset, int length) {}

  /** What follows the last good frame. */
  enum Tail {
    /** Nothing, or space allocated ahead. */
    BLANK,
    /** A write that a crash cut off: it was never acknowledged. */
    TORN,
    /** What was a whole frame once. */
    DAMAGED
  }

  /**
   * What a scan found.
   *
   * @param end offset behind the last good frame
   * @param damaged stretches before {@code end}
   */
  record Scan(int end, List<Damage> damaged, Tail tail) {}

  static byte[] encode(Header header, byte[] payload) {
    return ByteBuffer.allocate(FRAME_OVERHEAD_BYTES + payload.length)
        .putInt(MARK)
        .putInt(payload.length)
        .putInt(checksum(header, payload, 0, payload.length))
        .put(payload)
        .array();
  }

  /** Gives every good payload of {@code file} to {@code sink}, in order. */
  static Scan scan(Header header, byte[] file, Consumer<byte[]> sink) {
    var damaged = new ArrayList<Damage>();
    int end = HEADER_BYTES;
    int at = HEADER_BYTES;
    while (at <= file.length - FRAME_OVERHEAD_BYTES) {
      int length = goodPayloadLength(header, file, at);
      if (length < 0) {
        at++;
        continue;
      }
      if (at > end) {
        damaged.add(new Damage(end, at - end));
      }
      int start = at + FRAME_OVERHEAD_BYTES;
      sink.accept(Arrays.copyOfRange(file, start, start + length));
      at = start + length;
      end = at;
    }
    return new Scan(end, List.copyOf(damaged), tail(file, end));
  }

  private static int goodPayloadLength(Header header, byte[] file, int at) {
    var in = ByteBuffer.wrap(file);
    if (in.getInt(at) != MARK) {
      return -1;
    }
    int length = in.getInt(at + 4);
    int start = at + FRAME_OVERHEAD_BYTES;
    if (length < 0 || length > file.length - start) {
      return -1;
    }
    return in.getInt(at + 8) == checksum(header, file, start, length) ? length : -1;
  }

  /** A cut-off write leaves a part of a frame, or one whose last bytes are still zero. */
  private static Tail tail(byte[] file, int end) {
    int nonZero = end;
    while (nonZero < file.length && file[nonZero] == 0) {
      nonZero++;
    }
    if (nonZero == file.length) {
      return Tail.BLANK;
    }
    if (end > file.length - FRAME_OVERHEAD_BYTES) {
      return Tail.TORN;
    }
    int length = ByteBuffer.wrap(file).getInt(end + 4);
    long last = (long) end + FRAME_OVERHEAD_BYTES + length - 1;
    return length > 0 && last < file.length && file[(int) last] != 0 ? Tail.DAMAGED : Tail.TORN;
  }

  private static int checksum(Header header, byte[] bytes, int offset, int length) {
    var crc = new CRC32C();
    crc.update(ByteBuffer.allocate(12).putLong(header.salt()).putInt(length).flip());
    crc.update(bytes, offset, length);
    return (int) crc.getValue();
  }

  private static int crc(byte[] bytes, int offset, int length) {
    var crc = new CRC32C();
    crc.update(bytes, offset, length);
    return (int) crc.getValue();
  }
}
