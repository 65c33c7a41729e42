package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import java.io.IOException;
import java.io.InputStream;
import java.util.zip.DataFormatException;
import java.util.zip.Inflater;

/**
 * Inflates gzip, several members in a row included. See RFC 1952.
 *
 * <p>The checksums in the trailers are not computed: a layer's content is checked by its diffId.
 * Zeros behind the last member are padding. Not thread-safe.
 */
final class GzipStream extends InputStream {
  private static final int INPUT_BYTES = 64 * 1024;

  // Flags of RFC 1952, 2.3.1
  private static final int FHCRC = 2;
  private static final int FEXTRA = 4;
  private static final int FNAME = 8;
  private static final int FCOMMENT = 16;

  private final InputStream in;
  private final Inflater inflater = new Inflater(true);
  private final byte[] input = new byte[INPUT_BYTES];
  private int position;
  private int limit;
  private boolean insideMember;
  private boolean atEnd;

  GzipStream(InputStream in) {
    this.in = in;
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
      if (inflater.finished()) {
        position = limit - inflater.getRemaining();
        insideMember = false;
        skip(8, "trailer");
      } else if (count == 0) {
        if (inflater.needsDictionary()) {
          throw invalid("it wants a dictionary");
        }
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

  private boolean fill() throws IOException {
    position = 0;
    limit = Math.max(0, in.read(input, 0, input.length));
    return limit > 0;
  }

  /** Returns false where the stream ends, or only padding follows. */
  private boolean beginMember() throws IOException {
    int first = next();
    while (first == 0) {
      first = next();
    }
    if (first < 0) {
      return false;
    }
    if (first != 0x1f || next() != 0x8b || next() != 8) {
      throw invalid("a member has a wrong header");
    }
    int flags = required("header");
    skip(6, "header");
    if ((flags & FEXTRA) != 0) {
      skip(required("header") | (required("header") << 8), "header");
    }
    if ((flags & FNAME) != 0) {
      skipText();
    }
    if ((flags & FCOMMENT) != 0) {
      skipText();
    }
    if ((flags & FHCRC) != 0) {
      skip(2, "header");
    }
    inflater.reset();
    inflater.setInput(input, position, limit - position);
    insideMember = true;
    return true;
  }

  private void skipText() throws IOException {
    while (required("header") != 0) {
      // the name of a file that nobody asked for
    }
  }

  private void skip(int count, String what) throws IOException {
    for (int i = 0; i < count; i++) {
      required(what);
    }
  }

  private int required(String what) throws IOException {
    int value = next();
    if (value < 0) {
      throw invalid("it ends inside a " + what);
    }
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
    inflater.end();
    in.close();
  }
}
