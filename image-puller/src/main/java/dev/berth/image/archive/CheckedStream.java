package dev.berth.image.archive;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.Descriptor;
import java.io.FilterInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.security.MessageDigest;
import java.util.HexFormat;

/** A blob on its way, whose digest and size are known to be right when its end was read. */
public final class CheckedStream extends FilterInputStream {
  private final Descriptor blob;
  private final Operation operation;
  private final MessageDigest hash;
  private long count;

  /** Reads from {@code in}, which is closed with this. */
  public CheckedStream(InputStream in, Descriptor blob, Operation operation) {
    super(in);
    this.blob = blob;
    this.operation = operation;
    this.hash = blob.digest().newHash();
  }

  @Override
  public int read() throws IOException {
    byte[] one = new byte[1];
    return read(one, 0, 1) < 0 ? -1 : one[0] & 0xff;
  }

  @Override
  public int read(byte[] bytes, int offset, int length) throws IOException {
    operation.check();
    int read = super.read(bytes, offset, length);
    if (read > 0) {
      hash.update(bytes, offset, read);
      count += read;
    }
    return read;
  }

  /** Reads on to the end and throws INVALID_ARGUMENT if it was not the blob. */
  public void requireEnd() throws IOException {
    byte[] rest = new byte[8192];
    while (count <= blob.sizeBytes() && read(rest, 0, rest.length) >= 0) {
      // on to the end
    }
    if (count != blob.sizeBytes()
        || !HexFormat.of().formatHex(hash.digest()).equals(blob.digest().hex())) {
      throw new BerthException(
          INVALID_ARGUMENT, "the content of " + blob.digest() + " is not what its digest says");
    }
  }
}
