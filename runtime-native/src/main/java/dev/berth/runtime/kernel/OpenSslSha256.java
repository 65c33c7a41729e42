package dev.berth.runtime.kernel;

import dev.berth.base.BerthException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.ByteBuffer;
import jnr.ffi.LibraryLoader;

/**
 * SHA-256 by OpenSSL's libcrypto, which is as fast in the first second as in the last: the JDK's
 * needs the optimising compiler to be fast. See EVP_DigestInit(3).
 *
 * <p>Owns native memory of a fixed size until {@link #close()}. Belongs to the thread that made it.
 */
public final class OpenSslSha256 implements AutoCloseable {
  /** What JNR binds. Public because JNR implements it from another class loader. */
  public interface Calls {
    long EVP_MD_CTX_new();

    void EVP_MD_CTX_free(long context);

    long EVP_sha256();

    int EVP_DigestInit_ex(long context, long type, long engine);

    int EVP_DigestUpdate(long context, long data, long count);

    int EVP_DigestFinal_ex(long context, long digest, long length);
  }

  private static final int DIGEST_BYTES = 32;
  private static final int CHUNK_BYTES = 128 * 1024;

  /** The library, loaded on first use. */
  private static final class Library {
    static final Calls CALLS =
        LibraryLoader.create(Calls.class).failImmediately().load("libcrypto.so.3");
  }

  private final Arena arena = Arena.ofConfined();
  private final ByteBuffer data = arena.allocate(CHUNK_BYTES).asByteBuffer();
  private final long address = MemorySegment.ofBuffer(data).address();
  private final long context;

  /** Begins a digest. Needs the library: see {@link #isInstalled}. */
  public OpenSslSha256() {
    context = Library.CALLS.EVP_MD_CTX_new();
    if (context == 0) {
      arena.close();
      throw new BerthException(BerthException.Kind.RESOURCE_EXHAUSTED, "EVP_MD_CTX_new failed");
    }
    int begun = Library.CALLS.EVP_DigestInit_ex(context, Library.CALLS.EVP_sha256(), 0);
    if (begun != 1) {
      close();
      throw failed("EVP_DigestInit_ex");
    }
  }

  /** Tells whether the library is there; loads it if it is. */
  public static boolean isInstalled() {
    try {
      return Library.CALLS != null;
    } catch (LinkageError e) { // not there, now or at an earlier try
      return false;
    }
  }

  /** Adds {@code length} bytes of an array. */
  public void update(byte[] bytes, int offset, int length) {
    for (int done = 0; done < length; done += CHUNK_BYTES) {
      int count = Math.min(CHUNK_BYTES, length - done);
      data.put(0, bytes, offset + done, count); // throws when closed: the context is gone then
      check(Library.CALLS.EVP_DigestUpdate(context, address, count), "EVP_DigestUpdate");
    }
  }

  /** Returns the digest of all that was added; nothing can be added after that. */
  public byte[] digest() {
    byte[] digest = new byte[DIGEST_BYTES];
    data.get(0, digest); // throws when closed
    check(Library.CALLS.EVP_DigestFinal_ex(context, address, 0), "EVP_DigestFinal_ex");
    data.get(0, digest);
    return digest;
  }

  private static void check(int result, String call) {
    if (result != 1) {
      throw failed(call);
    }
  }

  private static BerthException failed(String call) {
    return new BerthException(BerthException.Kind.INTERNAL, call + " of libcrypto failed");
  }

  /** Frees the native memory. Idempotent. */
  @Override
  public void close() {
    if (arena.scope().isAlive()) {
      Library.CALLS.EVP_MD_CTX_free(context);
      arena.close();
    }
  }
}
