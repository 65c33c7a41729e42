package dev.berth.sandbox.checkpoint;

import static java.nio.charset.StandardCharsets.ISO_8859_1;

import dev.berth.runtime.kernel.InodeStatus;
import java.io.IOException;
import java.io.OutputStream;
import java.util.Arrays;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes a tar archive: ustar headers, with an extended header (pax) before those of an entry that
 * does not fit. See pax(1p). Not thread-safe; the stream stays the caller's.
 */
final class TarWriter {
  private static final int BLOCK = 512;
  private static final int NAME_BYTES = 100;
  private static final long MAX_ID = 07777777;
  private static final long MAX_SIZE = 077777777777L;
  private static final int MAX_DEVICE = 07777777;
  private static final byte[] ZEROS = new byte[BLOCK];

  private final OutputStream out;
  private long unpadded;

  TarWriter(OutputStream out) {
    this.out = out;
  }

  /** Begins an entry; as many bytes as it says must follow by {@link #write}. */
  void begin(TarEntry entry) throws IOException {
    pad();
    Map<String, String> extended = extended(entry);
    if (!extended.isEmpty()) {
      byte[] records = records(extended);
      header("PaxHeaders/entry", 'x', 0644, records.length);
      out.write(records);
      unpadded = records.length;
      pad();
    }
    out.write(header(entry));
  }

  /** Writes content of the entry. */
  void write(byte[] bytes, int length) throws IOException {
    out.write(bytes, 0, length);
    unpadded += length;
  }

  /** Ends the archive. */
  void finish() throws IOException {
    pad();
    out.write(ZEROS);
    out.write(ZEROS);
  }

  private void pad() throws IOException {
    int rest = (int) (unpadded % BLOCK);
    if (rest != 0) {
      out.write(ZEROS, 0, BLOCK - rest);
    }
    unpadded = 0;
  }

  /** What the header of an entry has no room for. */
  private static Map<String, String> extended(TarEntry entry) {
    Map<String, String> records = new TreeMap<>();
    if (entry.name().length() > NAME_BYTES) {
      records.put("path", entry.name());
    }
    if (entry.target().length() > NAME_BYTES) {
      records.put("linkpath", entry.target());
    }
    if (entry.sizeBytes() > MAX_SIZE) {
      records.put("size", Long.toString(entry.sizeBytes()));
    }
    InodeStatus status = entry.status();
    long uid = Integer.toUnsignedLong(status.uid());
    if (uid > MAX_ID) {
      records.put("uid", Long.toString(uid));
    }
    long gid = Integer.toUnsignedLong(status.gid());
    if (gid > MAX_ID) {
      records.put("gid", Long.toString(gid));
    }
    if (status.modified().seconds() < 0 || status.modified().seconds() > MAX_SIZE) {
      records.put("mtime", Long.toString(status.modified().seconds()));
    }
    entry.attributes().forEach((name, value) -> records.put("SCHILY.xattr." + name, value));
    return records;
  }

  private static byte[] records(Map<String, String> extended) {
    var text = new StringBuilder();
    extended.forEach((key, value) -> text.append(record(" " + key + "=" + value + "\n")));
    return text.toString().getBytes(ISO_8859_1);
  }

  /** The length at a record's front counts itself. */
  private static String record(String rest) {
    int length = rest.length();
    int total = length + Integer.toString(length).length();
    total = length + Integer.toString(total).length();
    return total + rest;
  }

  private void header(String name, char type, int mode, long size) throws IOException {
    byte[] block = new byte[BLOCK];
    put(block, 0, NAME_BYTES, name);
    number(block, 100, 8, mode);
    number(block, 108, 8, 0);
    number(block, 116, 8, 0);
    number(block, 124, 12, size);
    number(block, 136, 12, 0);
    block[156] = (byte) type;
    out.write(seal(block));
  }

  private static byte[] header(TarEntry entry) {
    InodeStatus status = entry.status();
    byte[] block = new byte[BLOCK];
    put(block, 0, NAME_BYTES, entry.name());
    number(block, 100, 8, status.permissions());
    number(block, 108, 8, fitting(Integer.toUnsignedLong(status.uid()), MAX_ID));
    number(block, 116, 8, fitting(Integer.toUnsignedLong(status.gid()), MAX_ID));
    number(block, 124, 12, fitting(entry.sizeBytes(), MAX_SIZE));
    number(block, 136, 12, fitting(status.modified().seconds(), MAX_SIZE));
    block[156] = (byte) entry.kind().letter();
    put(block, 157, NAME_BYTES, entry.target());
    number(block, 329, 8, fitting(major(status.device()), MAX_DEVICE));
    number(block, 337, 8, fitting(minor(status.device()), MAX_DEVICE));
    return seal(block);
  }

  /** See new_decode_dev in linux/kdev_t.h. */
  private static long major(long device) {
    return (device & 0xfff00) >> 8;
  }

  private static long minor(long device) {
    return (device & 0xff) | ((device >> 12) & 0xfff00);
  }

  /** A value beyond the field is in the extended header. */
  private static long fitting(long value, long max) {
    return value < 0 || value > max ? 0 : value;
  }

  private static void put(byte[] block, int offset, int length, String text) {
    byte[] bytes = text.getBytes(ISO_8859_1);
    System.arraycopy(bytes, 0, block, offset, Math.min(length, bytes.length));
  }

  private static void number(byte[] block, int offset, int length, long value) {
    String digits = Long.toOctalString(value);
    put(block, offset, length - 1, "0".repeat(length - 1 - digits.length()) + digits);
  }

  private static byte[] seal(byte[] block) {
    put(block, 257, 8, "ustar\00000");
    Arrays.fill(block, 148, 156, (byte) ' ');
    int sum = 0;
    for (byte b : block) {
      sum += b & 0xff;
    }
    number(block, 148, 7, sum);
    return block;
  }
}
