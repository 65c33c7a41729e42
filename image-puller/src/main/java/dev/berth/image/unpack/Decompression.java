package dev.berth.image.unpack;

import java.io.IOException;
import java.io.InputStream;
import java.io.PushbackInputStream;

/** Recognises how a layer is compressed from its first bytes; media types are known to lie. */
final class Decompression {
  private static final int MAGIC_BYTES = 4;

  private Decompression() {}

  /** Returns the uncompressed stream of a gzip, zstd or plain one. */
  static InputStream of(InputStream compressed) throws IOException {
    var in = new PushbackInputStream(compressed, MAGIC_BYTES);
    byte[] magic = new byte[MAGIC_BYTES];
    int count = in.readNBytes(magic, 0, MAGIC_BYTES);
    in.unread(magic, 0, count);
    if (count >= 2 && (magic[0] & 0xff) == 0x1f && (magic[1] & 0xff) == 0x8b) {
      return new GzipStream(in);
    }
    return count == MAGIC_BYTES && isZstd(magic) ? ZstdStreams.decompress(in) : in;
  }

  /** A frame, or a skippable frame in front of one. See RFC 8878, 3.1. */
  private static boolean isZstd(byte[] magic) {
    int number =
        (magic[0] & 0xff)
            | ((magic[1] & 0xff) << 8)
            | ((magic[2] & 0xff) << 16)
            | ((magic[3] & 0xff) << 24);
    return number == 0xFD2FB528 || (number & 0xFFFFFFF0) == 0x184D2A50;
  }
}
