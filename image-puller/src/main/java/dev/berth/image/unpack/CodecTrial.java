package dev.berth.image.unpack;

import com.github.luben.zstd.Zstd;
import dev.berth.image.oci.Digest;
import java.util.Arrays;
import java.util.List;
import java.util.Random;
import java.util.function.Supplier;
import java.util.zip.DataFormatException;
import java.util.zip.Deflater;

/** Sends a sample through a codec: to see whether it is right here, and how fast. */
final class CodecTrial {
  private static final int SAMPLE_BYTES = 256 * 1024;
  private static final int HASH_RUNS = 4;

  /**
   * In what pieces a stream comes, and what follows it: a decoder that reads ahead must give all of
   * that back. Small pieces end anywhere in the stream; large ones are what layers are read in.
   */
  private static final List<Run> RUNS =
      List.of(
          new Run(509, 8),
          new Run(4093, 1),
          new Run(64 * 1024, 100),
          new Run(64 * 1024, 0),
          new Run(64 * 1024, 0));

  private CodecTrial() {}

  private record Run(int pieceBytes, int trailingBytes) {}

  /** What a trial has shown; the time is that of the fastest run, for which all was loaded. */
  record Outcome(boolean isRight, long nanos) {
    long megabytesPerSecond() {
      return SAMPLE_BYTES * 1000L / Math.max(1, nanos);
    }
  }

  static Outcome ofHash(Supplier<ContentHash> make) {
    byte[] sample = sample();
    Digest expected = Digest.ofSha256(sample);
    boolean right = true;
    long nanos = Long.MAX_VALUE;
    for (int run = 0; run < HASH_RUNS; run++) {
      try (ContentHash hash = make.get()) {
        long start = System.nanoTime();
        hash.update(sample, 0, sample.length);
        right &= hash.digest().equals(expected);
        nanos = Math.min(nanos, System.nanoTime() - start);
      }
    }
    return new Outcome(right, nanos);
  }

  static Outcome ofInflater(Supplier<RawInflater> make) {
    byte[] sample = sample();
    byte[] deflated = deflate(sample);
    boolean right = true;
    long nanos = Long.MAX_VALUE;
    for (Run run : RUNS) {
      byte[] input = new byte[RawInflater.LOOK_BACK_BYTES + deflated.length + run.trailingBytes()];
      System.arraycopy(deflated, 0, input, RawInflater.LOOK_BACK_BYTES, deflated.length);
      try (RawInflater inflater = make.get()) {
        long start = System.nanoTime();
        right &= inflates(inflater, input, sample, run);
        nanos = Math.min(nanos, System.nanoTime() - start);
      } catch (DataFormatException e) {
        right = false; // good data refused: the library is not the one we know
      }
    }
    return new Outcome(right, nanos);
  }

  static Outcome ofZstd() {
    byte[] sample = sample();
    byte[] compressed = Zstd.compress(sample);
    boolean right = true;
    long nanos = Long.MAX_VALUE;
    for (int run = 0; run < HASH_RUNS; run++) {
      long start = System.nanoTime();
      byte[] output = Zstd.decompress(compressed, SAMPLE_BYTES);
      nanos = Math.min(nanos, System.nanoTime() - start);
      right &= Arrays.equals(output, sample);
    }
    return new Outcome(right, nanos);
  }

  private static boolean inflates(RawInflater inflater, byte[] input, byte[] expected, Run run)
      throws DataFormatException {
    byte[] output = new byte[expected.length + 1];
    int at = RawInflater.LOOK_BACK_BYTES;
    int written = 0;
    while (!inflater.finished()) {
      int count = inflater.inflate(output, written, output.length - written);
      written += count;
      if (count == 0 && !inflater.finished()) {
        if (at == input.length || written == output.length) {
          return false;
        }
        int length = Math.min(run.pieceBytes(), input.length - at);
        inflater.setInput(input, at, length);
        at += length;
      }
    }
    return at - inflater.unusedBytes() == input.length - run.trailingBytes()
        && Arrays.equals(output, 0, written, expected, 0, expected.length);
  }

  private static byte[] deflate(byte[] sample) {
    var deflater = new Deflater(Deflater.BEST_SPEED, true);
    try {
      deflater.setInput(sample);
      deflater.finish();
      byte[] deflated = new byte[2 * sample.length];
      int length = deflater.deflate(deflated);
      return Arrays.copyOf(deflated, length);
    } finally {
      deflater.end();
    }
  }

  /** Compresses about as well as programs do. */
  private static byte[] sample() {
    byte[] sample = new byte[SAMPLE_BYTES];
    var random = new Random(1);
    for (int i = 0; i < sample.length; i++) {
      sample[i] = i > 64 && random.nextInt(4) > 0 ? sample[i - 64] : (byte) random.nextInt(64);
    }
    return sample;
  }
}
