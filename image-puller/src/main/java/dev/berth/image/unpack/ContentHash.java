package dev.berth.image.unpack;

import dev.berth.image.oci.Digest;
import dev.berth.runtime.kernel.OpenSslSha256;
import java.security.MessageDigest;
import java.util.HexFormat;

/**
 * Hashes content by the algorithm of a digest that it is to have. Owns native memory until {@link
 * #close()}, and belongs to the thread that made it.
 */
sealed interface ContentHash extends AutoCloseable {
  /** Adds {@code length} bytes of an array. */
  void update(byte[] bytes, int offset, int length);

  /** Returns the digest of all that was added; nothing is added after that. */
  Digest digest();

  /** Gives native memory back. Idempotent. */
  @Override
  void close();

  /** By what every JDK has. */
  record Jdk(String algorithm, MessageDigest hash) implements ContentHash {
    Jdk(Digest wanted) {
      this(wanted.algorithm(), wanted.newHash());
    }

    @Override
    public void update(byte[] bytes, int offset, int length) {
      hash.update(bytes, offset, length);
    }

    @Override
    public Digest digest() {
      return new Digest(algorithm, HexFormat.of().formatHex(hash.digest()));
    }

    @Override
    public void close() {
      // nothing but heap
    }
  }

  /** SHA-256 by libcrypto, where it is installed. */
  record OpenSsl(OpenSslSha256 hash) implements ContentHash {
    OpenSsl() {
      this(new OpenSslSha256());
    }

    @Override
    public void update(byte[] bytes, int offset, int length) {
      hash.update(bytes, offset, length);
    }

    @Override
    public Digest digest() {
      return Digest.sha256(hash.digest());
    }

    @Override
    public void close() {
      hash.close();
    }
  }
}
