package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import com.github.luben.zstd.ZstdIOException;
import com.github.luben.zstd.ZstdInputStreamNoFinalizer;
import dev.berth.base.BerthException;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;

/** The only class that touches the zstd library, so that gzip images never load it. */
final class ZstdStreams {
  private ZstdStreams() {}

  /** Decompresses all frames in a row; skippable ones are skipped. */
  static InputStream decompress(InputStream in) throws IOException {
    return new Checked(new ZstdInputStreamNoFinalizer(in));
  }

  /** Tells a damaged stream, which is the image's fault, from one that cannot be read. */
  private static final class Checked extends FilterInputStream {
    Checked(InputStream in) {
      super(in);
    }

    @Override
    public int read(byte[] buffer, int offset, int length) throws IOException {
      try {
        return super.read(buffer, offset, length);
      } catch (ZstdIOException e) {
        throw new BerthException(INVALID_ARGUMENT, "not a valid zstd stream: " + e.getMessage(), e);
      }
    }
  }
}
