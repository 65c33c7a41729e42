package dev.berth.image.unpack;

import dev.berth.image.oci.Digest;
import dev.berth.runtime.kernel.IsalInflater;
import dev.berth.runtime.kernel.OpenSslSha256;

/**
 * Chooses how layers are hashed and inflated: by native libraries where they are installed and give
 * the right answers, else by the JDK.
 *
 * <p>Hot loops must not wait for the optimising compiler: a pull is over before it has warmed up.
 * Each codec goes through a sample, which takes a few milliseconds, and the log says which ones are
 * used and how fast they are: with {@link #choose}, or with the first layer. {@code
 * -Dberth.image.codecs=jdk} forgoes the libraries.
 */
public final class Codecs {
  private static final System.Logger LOG = System.getLogger(Codecs.class.getName());
  private static final boolean ALLOWED = !"jdk".equals(System.getProperty("berth.image.codecs"));

  private Codecs() {}

  /** There is no choice: this only tells. */
  private static final class Zstandard {
    static final boolean RIGHT = report("zstd", "zstd-jni", CodecTrial.ofZstd());
  }

  /** Makes all choices now, when nobody waits for a layer. Idempotent. */
  public static void choose() {
    boolean _ = Hashing.NATIVE;
    boolean _ = Inflating.NATIVE;
    boolean _ = Zstandard.RIGHT;
  }

  /** Made with the first hash that is asked for. */
  private static final class Hashing {
    static final boolean NATIVE = choose();

    private static boolean choose() {
      if (ALLOWED && OpenSslSha256.isInstalled()) {
        CodecTrial.Outcome outcome = CodecTrial.ofHash(ContentHash.OpenSsl::new);
        if (report("sha256", "libcrypto.so.3", outcome)) {
          return true;
        }
      }
      Digest any = Digest.ofSha256("");
      report("sha256", "the JDK", CodecTrial.ofHash(() -> new ContentHash.Jdk(any)));
      return false;
    }
  }

  /** Made with the first inflater that is asked for. */
  private static final class Inflating {
    static final boolean NATIVE = choose();

    private static boolean choose() {
      if (ALLOWED && IsalInflater.isInstalled()) {
        CodecTrial.Outcome outcome = CodecTrial.ofInflater(RawInflater.Isal::new);
        if (report("inflate", "libisal.so.2", outcome)) {
          return true;
        }
      }
      report("inflate", "the JDK", CodecTrial.ofInflater(RawInflater.Jdk::new));
      return false;
    }
  }

  /** Returns a hash for content that is to have a digest. */
  static ContentHash newHash(Digest wanted) {
    return wanted.algorithm().equals("sha256") && Hashing.NATIVE
        ? new ContentHash.OpenSsl()
        : new ContentHash.Jdk(wanted);
  }

  static RawInflater newInflater() {
    return Inflating.NATIVE ? new RawInflater.Isal() : new RawInflater.Jdk();
  }

  /** Returns whether the codec is right, and logs what was found. */
  private static boolean report(String what, String by, CodecTrial.Outcome outcome) {
    if (outcome.isRight()) {
      LOG.log(
          System.Logger.Level.INFO,
          what + " by " + by + ", " + outcome.megabytesPerSecond() + " MB/s");
    } else {
      LOG.log(System.Logger.Level.WARNING, what + ": " + by + " gives wrong answers: not used");
    }
    return outcome.isRight();
  }
}
