package dev.berth.image.unpack;

import dev.berth.image.oci.Digest;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import java.util.zip.GZIPOutputStream;

/**
 * Prints how fast one codec goes through a file: in the first tenth of a second of its life, in the
 * first second, and after five. Run it with the flags of berthd, once for each codec.
 */
public final class CodecBench {
  private static final byte[] BUFFER = new byte[64 * 1024];
  private static final Map<String, Codec> CODECS =
      Map.of(
          "sha256-jdk",
          CodecBench::hashByJdk,
          "sha256-openssl",
          CodecBench::hashByOpenSsl,
          "gunzip-jdk",
          gzip -> gunzip(gzip, new RawInflater.Jdk()),
          "gunzip-isal",
          gzip -> gunzip(gzip, new RawInflater.Isal()));

  private CodecBench() {}

  /** Goes through some bytes and returns how many there were, uncompressed. */
  @FunctionalInterface
  private interface Codec {
    long run(byte[] bytes) throws IOException;
  }

  /** Takes the name of a codec and a file to compress or hash. */
  public static void main(String[] arguments) throws IOException {
    Codec codec = CODECS.get(arguments[0]);
    if (codec == null) {
      throw new IllegalArgumentException("one of " + CODECS.keySet());
    }
    byte[] content = Files.readAllBytes(Path.of(arguments[1]));
    byte[] bytes = arguments[0].startsWith("gunzip") ? compress(content) : content;
    long start = System.nanoTime();
    System.out.printf(
        "%s: first 0.1 s %.0f MB/s, first second %.0f MB/s, later %.0f MB/s%n",
        arguments[0],
        speed(codec, bytes, start, 100_000_000L),
        speed(codec, bytes, start, 1_000_000_000L),
        later(codec, bytes));
  }

  private static double later(Codec codec, byte[] bytes) throws IOException {
    speed(codec, bytes, System.nanoTime(), 4_000_000_000L);
    return speed(codec, bytes, System.nanoTime(), 2_000_000_000L);
  }

  private static double speed(Codec codec, byte[] bytes, long start, long limit)
      throws IOException {
    long begin = System.nanoTime();
    long done = 0;
    do {
      done += codec.run(bytes);
    } while (System.nanoTime() - start < limit);
    return done * 1000.0 / (System.nanoTime() - begin);
  }

  private static long hashByJdk(byte[] bytes) {
    return hash(bytes, new ContentHash.Jdk(Digest.ofSha256("")));
  }

  private static long hashByOpenSsl(byte[] bytes) {
    return hash(bytes, new ContentHash.OpenSsl());
  }

  private static long hash(byte[] bytes, ContentHash hash) {
    try (hash) {
      for (int at = 0; at < bytes.length; at += BUFFER.length) {
        hash.update(bytes, at, Math.min(BUFFER.length, bytes.length - at));
      }
      hash.digest();
    }
    return bytes.length;
  }

  private static long gunzip(byte[] gzip, RawInflater inflater) throws IOException {
    long total = 0;
    try (InputStream in = new GzipStream(new ByteArrayInputStream(gzip), inflater)) {
      for (int count = in.read(BUFFER); count > 0; count = in.read(BUFFER)) {
        total += count;
      }
    }
    return total;
  }

  private static byte[] compress(byte[] content) throws IOException {
    var out = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(out)) {
      gzip.write(content);
    }
    return out.toByteArray();
  }
}
