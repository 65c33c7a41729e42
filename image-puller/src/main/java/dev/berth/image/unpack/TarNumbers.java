package dev.berth.image.unpack;

import dev.berth.base.BerthException;

/** The number fields of tar headers: octal text, or GNU's base-256 when the top bit is set. */
final class TarNumbers {
  private TarNumbers() {}

  /**
   * Parses a field. An empty one is zero, as many writers leave the unused ones.
   *
   * @throws BerthException INVALID_ARGUMENT naming the field
   */
  static long parse(byte[] block, int offset, int length, String field) {
    return (block[offset] & 0x80) != 0
        ? base256(block, offset, length, field)
        : octal(block, offset, length, field);
  }

  private static long base256(byte[] block, int offset, int length, String field) {
    boolean negative = (block[offset] & 0x40) != 0;
    if (negative && !field.equals("mtime")) { // the only one that can be before zero
      throw TarReader.invalid("a header has a negative " + field);
    }
    long value = negative ? (-1L << 6) | (block[offset] & 0x3f) : block[offset] & 0x3f;
    for (int i = offset + 1; i < offset + length; i++) {
      if (value > Long.MAX_VALUE >> 8 || value < Long.MIN_VALUE >> 8) {
        throw TarReader.invalid("a header has a " + field + " beyond 64 bits");
      }
      value = (value << 8) | (block[i] & 0xff);
    }
    return value;
  }

  private static long octal(byte[] block, int offset, int length, String field) {
    int at = offset;
    int end = offset + length;
    while (at < end && (block[at] == ' ' || block[at] == 0)) {
      at++;
    }
    long value = 0;
    for (; at < end && block[at] != ' ' && block[at] != 0; at++) {
      int digit = block[at] - '0';
      if (digit < 0 || digit > 7) {
        throw TarReader.invalid("a header has a " + field + " that is not a number");
      }
      value = (value << 3) | digit;
    }
    return value;
  }

  /** Whether the sum of the header's bytes is what it says; some old writers add signed bytes. */
  static boolean checksumMatches(byte[] block) {
    long unsigned = 0;
    long signed = 0;
    for (int i = 0; i < block.length; i++) {
      byte value = i >= 148 && i < 156 ? (byte) ' ' : block[i];
      unsigned += value & 0xff;
      signed += value;
    }
    long stored;
    try {
      stored = parse(block, 148, 8, "checksum");
    } catch (BerthException e) {
      return false; // not even a number
    }
    return stored == unsigned || stored == signed;
  }

  static boolean isZero(byte[] block) {
    for (byte b : block) {
      if (b != 0) {
        return false;
      }
    }
    return true;
  }
}
