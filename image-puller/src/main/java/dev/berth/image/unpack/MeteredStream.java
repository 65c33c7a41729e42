package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.io.InputStream;
import java.util.function.LongSupplier;

/**
 * Hashes what passes and stops a bomb: more than a layer may have, or more than honest compression
 * makes of so few bytes (rule R10).
 *
 * <p>Reads large pieces ahead, so that the small reads of a tar reader cost nothing.
 */
final class MeteredStream extends InputStream {
  private final InputStream in;
  private final ContentHash hash;
  private final UnpackLimits limits;
  private final LongSupplier compressedBytes;
  private final byte[] buffer = new byte[64 * 1024];
  private int position;
  private int limit;
  private long total;

  /**
   * Meters an uncompressed stream.
   *
   * @param compressedBytes how many bytes were read to make it, so far
   */
  MeteredStream(
      InputStream in, ContentHash hash, UnpackLimits limits, LongSupplier compressedBytes) {
    this.in = in;
    this.hash = hash;
    this.limits = limits;
    this.compressedBytes = compressedBytes;
  }

  private boolean fill() throws IOException {
    position = 0;
    limit = pull(buffer, 0, buffer.length);
    return limit > 0;
  }

  /** Reads as much as fits, hashes and counts it; 0 at the end. */
  private int pull(byte[] into, int offset, int length) throws IOException {
    int count = in.readNBytes(into, offset, length);
    hash.update(into, offset, count);
    total += count;
    check();
    return count;
  }

  private void check() {
    if (total > limits.maxBytes()) {
      throw new BerthException(
          RESOURCE_EXHAUSTED,
          "the layer unpacks to more than the bound of " + limits.maxBytes() + " bytes");
    }
    if (total > limits.freeRatioBytes()
        && total / limits.maxRatio() > Math.max(1, compressedBytes.getAsLong())) {
      throw new BerthException(
          RESOURCE_EXHAUSTED,
          "the layer unpacks to more than "
              + limits.maxRatio()
              + " times its size: "
              + total
              + " bytes so far");
    }
  }

  /** Reads to the end: bytes behind the archive belong to the digest too. */
  void drain() throws IOException {
    while (fill()) {
      // the hash is what we are after
    }
  }

  @Override
  public int read() throws IOException {
    return position < limit || fill() ? buffer[position++] & 0xff : -1;
  }

  @Override
  public int read(byte[] into, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    if (position == limit && length >= buffer.length) { // large files make no stop on the way
      int pulled = pull(into, offset, length);
      return pulled == 0 ? -1 : pulled;
    }
    if (position == limit && !fill()) {
      return -1;
    }
    int count = Math.min(length, limit - position);
    System.arraycopy(buffer, position, into, offset, count);
    position += count;
    return count;
  }

  @Override
  public long skip(long count) throws IOException {
    if (count <= 0 || (position == limit && !fill())) {
      return 0;
    }
    int skipped = (int) Math.min(count, limit - position);
    position += skipped;
    return skipped;
  }

  @Override
  public void close() throws IOException {
    in.close();
  }
}
