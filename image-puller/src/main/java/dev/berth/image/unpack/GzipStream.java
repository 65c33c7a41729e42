package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.CRC32;
import java.util.zip.DataFormatException;

/**
 * Inflates gzip, several members in a row included, and checks each member's header, checksum and
 * length. See RFC 1952.
 *
 * <p>Zeros behind the last member are padding; anything else there is an error. Owns the native
 * memory of its inflater until {@link #close()}, and belongs to the thread that made it.
 */
final class GzipStream extends InputStream {
  private static final int INPUT_BYTES = 64 * 1024;

  // Flags of RFC 1952, 2.3.1
  private static final int FHCRC = 0x02;
  private static final int FEXTRA = 0x04;
  private static final int FNAME = 0x08;
  private static final int FCOMMENT = 0x10;
  private static final int RESERVED = 0xe0;

  private final InputStream in;
  private final RawInflater inflater;
  // In front of the input stay the last bytes of the input before: see LOOK_BACK_BYTES.
  private final byte[] input = new byte[RawInflater.LOOK_BACK_BYTES + INPUT_BYTES];
  private final CRC32 headerChecksum = new CRC32();
  private final CRC32 checksum = new CRC32();
  private int position = RawInflater.LOOK_BACK_BYTES;
  private int limit = RawInflater.LOOK_BACK_BYTES;
  private long memberBytes;
  private boolean hasMember;
  private boolean insideMember;
  private boolean atEnd;

  GzipStream(InputStream in) {
    this(in, Codecs.newInflater());
  }

  GzipStream(InputStream in, RawInflater inflater) {
    this.in = in;
    this.inflater = inflater;
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] buffer, int offset, int length) throws IOException {
    if (length == 0) {
      return 0;
    }
    while (!atEnd) {
      if (!insideMember && !beginMember()) {
        atEnd = true;
        break;
      }
      int count = inflate(buffer, offset, length);
      if (count > 0) {
        return count;
      }
    }
    return -1;
  }

  private int inflate(byte[] buffer, int offset, int length) throws IOException {
    try {
      int count = inflater.inflate(buffer, offset, length);
      checksum.update(buffer, offset, count);
      memberBytes += count;
      if (inflater.finished()) {
        position = limit - inflater.unusedBytes();
        insideMember = false;
        checkTrailer();
      } else if (count == 0) {
        if (!fill()) {
          throw invalid("it ends early");
        }
        inflater.setInput(input, position, limit - position);
      }
      return count;
    } catch (DataFormatException e) {
      throw invalid(String.valueOf(e.getMessage()));
    }
  }

  private void checkTrailer() throws IOException {
    if (littleEndian(4, "trailer") != checksum.getValue()) {
      throw invalid("a member has a wrong checksum");
    }
    if (littleEndian(4, "trailer") != (memberBytes & 0xffff_ffffL)) {
      throw invalid("a member has a wrong length");
    }
  }

  private boolean fill() throws IOException {
    int kept = RawInflater.LOOK_BACK_BYTES;
    System.arraycopy(input, limit - kept, input, 0, kept);
    int count = Math.max(0, in.read(input, kept, INPUT_BYTES));
    position = kept;
    limit = kept + count;
    return count > 0;
  }

  /** Returns false where the stream ends, or only padding follows. */
  private boolean beginMember() throws IOException {
    int first = next();
    while (first == 0 && hasMember) {
      first = next();
    }
    if (first < 0 && hasMember) {
      return false;
    }
    headerChecksum.reset();
    headerChecksum.update(first);
    if (first != 0x1f || required("header") != 0x8b || required("header") != 8) {
      throw invalid("a member has a wrong header");
    }
    passHeader(required("header"));
    inflater.reset();
    inflater.setInput(input, position, limit - position);
    checksum.reset();
    memberBytes = 0;
    hasMember = true;
    insideMember = true;
    return true;
  }

  private void passHeader(int flags) throws IOException {
    if ((flags & RESERVED) != 0) {
      throw invalid("a member has unknown flags");
    }
    pass(6);
    if ((flags & FEXTRA) != 0) {
      pass(littleEndian(2, "header"));
    }
    if ((flags & FNAME) != 0) {
      skipText();
    }
    if ((flags & FCOMMENT) != 0) {
      skipText();
    }
    if ((flags & FHCRC) != 0) {
      long expected = headerChecksum.getValue() & 0xffff;
      if (littleEndian(2, "header") != expected) {
        throw invalid("a member's header has a wrong checksum");
      }
    }
  }

  private void skipText() throws IOException {
    while (required("header") != 0) {
      // the name of a file that nobody asked for
    }
  }

  private void pass(long count) throws IOException {
    for (long i = 0; i < count; i++) {
      required("header");
    }
  }

  private long littleEndian(int bytes, String what) throws IOException {
    long value = 0;
    for (int i = 0; i < bytes; i++) {
      value |= (long) required(what) << (8 * i);
    }
    return value;
  }

  private int required(String what) throws IOException {
    int value = next();
    if (value < 0) {
      throw invalid("it ends inside a " + what);
    }
    headerChecksum.update(value);
    return value;
  }

  private int next() throws IOException {
    return position < limit || fill() ? input[position++] & 0xff : -1;
  }

  private static BerthException invalid(String why) {
    return new BerthException(INVALID_ARGUMENT, "not a valid gzip stream: " + why);
  }

  @Override
  public void close() throws IOException {
    inflater.close();
    in.close();
  }
}
