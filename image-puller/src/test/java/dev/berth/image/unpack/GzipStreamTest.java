package dev.berth.image.unpack;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import com.google.errorprone.annotations.Immutable;
import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.IsalInflater;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import java.util.zip.GZIPInputStream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/** Gzip as the JDK reads it, and stricter, whichever library inflates. */
class GzipStreamTest {
  private static final int ROUNDS = 150;

  enum Codec {
    JDK(RawInflater.Jdk::new),
    ISAL(RawInflater.Isal::new);

    @Immutable
    private interface Maker {
      RawInflater make();
    }

    private final Maker maker;

    Codec(Maker maker) {
      this.maker = maker;
    }

    GzipStream open(InputStream in) {
      assumeThat(this == JDK || IsalInflater.isInstalled()).isTrue();
      return new GzipStream(in, maker.make());
    }

    byte[] read(byte[] gzip) throws IOException {
      try (var in = open(new ByteArrayInputStream(gzip))) {
        return in.readAllBytes();
      }
    }
  }

  /** A gzip file being made, and what is in it. */
  private static final class Sample {
    final ByteArrayOutputStream gzip = new ByteArrayOutputStream();
    final ByteArrayOutputStream plain = new ByteArrayOutputStream();

    static Sample of(Random random) {
      var sample = new Sample();
      for (int member = 1 + random.nextInt(4); member > 0; member--) {
        byte[] content = content(random);
        sample.member(content, random.nextInt(32) & ~1, random);
      }
      return sample;
    }

    /** Some repeats itself, some does not, some is empty. */
    private static byte[] content(Random random) {
      byte[] content = new byte[random.nextInt(4) == 0 ? 0 : random.nextInt(200_000)];
      int letters = 1 + random.nextInt(256);
      int period = 1 + random.nextInt(40_000);
      for (int i = 0; i < content.length; i++) {
        boolean repeats = i >= period && random.nextInt(100) > 0;
        content[i] = repeats ? content[i - period] : (byte) random.nextInt(letters);
      }
      return content;
    }

    void member(byte[] content, int flags, Random random) {
      var header = new ByteArrayOutputStream();
      header.writeBytes(new byte[] {0x1f, (byte) 0x8b, 8, (byte) flags, 1, 2, 3, 4, 2, 3});
      if ((flags & 4) != 0) {
        byte[] extra = new byte[random.nextInt(70_000) & 0xffff];
        little(header, extra.length, 2);
        header.writeBytes(extra);
      }
      for (int flag : new int[] {8, 16}) {
        if ((flags & flag) != 0) {
          header.writeBytes("name-or-comment".repeat(random.nextInt(50)).getBytes(US_ASCII));
          header.write(0);
        }
      }
      if ((flags & 2) != 0) {
        little(header, crc(header.toByteArray()), 2);
      }
      gzip.writeBytes(header.toByteArray());
      gzip.writeBytes(deflate(content, random.nextInt(10), random.nextInt(3)));
      little(gzip, crc(content), 4);
      little(gzip, content.length, 4);
      plain.writeBytes(content);
    }

    private static byte[] deflate(byte[] content, int level, int strategy) {
      try (var out = new ByteArrayOutputStream()) {
        var deflater = new Deflater(level, true);
        deflater.setStrategy(strategy);
        deflater.setInput(content);
        deflater.finish();
        byte[] buffer = new byte[8192];
        while (!deflater.finished()) {
          out.write(buffer, 0, deflater.deflate(buffer));
        }
        deflater.end();
        return out.toByteArray();
      } catch (IOException e) {
        throw new AssertionError(e);
      }
    }

    private static long crc(byte[] bytes) {
      var crc = new CRC32();
      crc.update(bytes);
      return crc.getValue();
    }

    private static void little(ByteArrayOutputStream out, long value, int bytes) {
      for (int i = 0; i < bytes; i++) {
        out.write((int) (value >> (8 * i)));
      }
    }
  }

  /** Gives its bytes in pieces of random sizes, as a network does. */
  private static InputStream pieces(byte[] bytes, Random random) {
    int most = 1 + random.nextInt(random.nextBoolean() ? 10 : 100_000);
    return new ByteArrayInputStream(bytes) {
      @Override
      public synchronized int read(byte[] buffer, int offset, int length) {
        return super.read(buffer, offset, Math.min(length, 1 + random.nextInt(most)));
      }
    };
  }

  @ParameterizedTest
  @EnumSource
  void whatTheJdkReadsIsReadTheSame(Codec codec) throws IOException {
    for (long seed = 0; seed < ROUNDS; seed++) {
      var random = new Random(seed);
      Sample sample = Sample.of(random);
      byte[] gzip = sample.gzip.toByteArray();
      try (var jdk = new GZIPInputStream(new ByteArrayInputStream(gzip));
          var ours = codec.open(pieces(gzip, random))) {
        byte[] expected = jdk.readAllBytes();
        assertThat(expected).as("seed %d", seed).isEqualTo(sample.plain.toByteArray());
        assertThat(Arrays.equals(ours.readAllBytes(), expected)).as("seed %d", seed).isTrue();
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void aStreamThatIsCutAnywhereIsRefused(Codec codec) {
    for (long seed = 0; seed < ROUNDS; seed++) {
      var random = new Random(seed);
      var sample = new Sample();
      sample.member(Sample.content(random), 30, random);
      byte[] gzip = sample.gzip.toByteArray();
      int tail = Math.min(gzip.length, 40);
      int cut =
          random.nextBoolean()
              ? random.nextInt(gzip.length)
              : gzip.length - 1 - random.nextInt(tail - 1);
      refused(codec, Arrays.copyOf(gzip, cut), "seed " + seed + " cut at " + cut);
    }
  }

  /** Only what no checksum covers may change unseen: time, system and level in the header. */
  @ParameterizedTest
  @EnumSource
  void aBitThatFlipsIsNoticedOrHarmless(Codec codec) throws IOException {
    int noticed = 0;
    for (long seed = 0; seed < 4 * ROUNDS; seed++) {
      var random = new Random(seed);
      var sample = new Sample();
      byte[] content = Arrays.copyOf(Sample.content(random), 2000);
      sample.member(content, 0, random);
      byte[] gzip = sample.gzip.toByteArray();
      int at = random.nextInt(gzip.length);
      gzip[at] ^= (byte) (1 << random.nextInt(8));
      try {
        assertThat(codec.read(gzip)).as("seed %d at %d", seed, at).isEqualTo(content);
        assertThat(at).isLessThan(gzip.length - 8);
      } catch (BerthException e) {
        assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT);
        noticed++;
      }
    }
    assertThat(noticed).isGreaterThan(3 * ROUNDS);
  }

  @ParameterizedTest
  @EnumSource
  void checksumsAndLengthsAreChecked(Codec codec) {
    var random = new Random(1);
    var sample = new Sample();
    sample.member("content".repeat(100).getBytes(US_ASCII), 2, random);
    byte[] good = sample.gzip.toByteArray();
    for (int back = 1; back <= 8; back++) {
      byte[] wrong = good.clone();
      wrong[wrong.length - back] ^= 1;
      assertThatThrownBy(() -> codec.read(wrong))
          .hasMessageContaining(back > 4 ? "wrong checksum" : "wrong length");
    }
    byte[] header = good.clone();
    header[4] ^= 1; // the time, which only the header's own checksum covers
    assertThatThrownBy(() -> codec.read(header))
        .hasMessageContaining("header has a wrong checksum");
    byte[] flags = good.clone();
    flags[3] |= 0x20;
    assertThatThrownBy(() -> codec.read(flags)).hasMessageContaining("unknown flags");
  }

  @ParameterizedTest
  @EnumSource
  void zerosMayFollowAndNothingElse(Codec codec) throws IOException {
    for (long seed = 0; seed < 50; seed++) {
      var random = new Random(seed);
      Sample sample = Sample.of(random);
      byte[] gzip = sample.gzip.toByteArray();
      byte[] padded = Arrays.copyOf(gzip, gzip.length + random.nextInt(1000));
      assertThat(Arrays.equals(codec.read(padded), sample.plain.toByteArray())).isTrue();
      byte[] garbage = Arrays.copyOf(padded, padded.length + 1 + random.nextInt(20));
      Arrays.fill(garbage, padded.length, garbage.length, (byte) (1 + random.nextInt(255)));
      refused(codec, garbage, "seed " + seed);
    }
    refused(codec, new byte[0], "empty");
    refused(codec, new byte[100], "only zeros");
  }

  private static void refused(Codec codec, byte[] gzip, String why) {
    assertThatThrownBy(() -> codec.read(gzip))
        .as(why)
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
        .hasMessageContaining("not a valid gzip stream");
  }

  @ParameterizedTest
  @EnumSource
  void aClosedStreamReadsNothing(Codec codec) throws IOException {
    Sample sample = Sample.of(new Random(5));
    GzipStream gzip = codec.open(new ByteArrayInputStream(sample.gzip.toByteArray()));
    int _ = gzip.read();
    gzip.close();
    gzip.close();
    assertThatThrownBy(gzip::readAllBytes).isInstanceOf(RuntimeException.class);
  }
}
