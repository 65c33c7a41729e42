package dev.berth.image.unpack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;
import static org.assertj.core.api.Assumptions.assumeThat;

import dev.berth.image.oci.Digest;
import dev.berth.runtime.kernel.OpenSslSha256;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Random;
import java.util.zip.DataFormatException;
import org.junit.jupiter.api.Test;

class CodecsTest {
  private static final Path LIBRARIES = Path.of("/usr/lib/x86_64-linux-gnu");

  @Test
  void theNativeHashAgreesWithTheJdks() {
    assumeThat(OpenSslSha256.isInstalled()).isTrue();
    var random = new Random(2);
    for (int round = 0; round < 200; round++) {
      byte[] bytes = new byte[random.nextInt(400_000)];
      random.nextBytes(bytes);
      try (var hash = new ContentHash.OpenSsl()) {
        for (int at = 0; at < bytes.length; ) {
          int length = Math.min(bytes.length - at, random.nextInt(200_000));
          hash.update(bytes, at, length);
          at += length;
        }
        assertThat(hash.digest()).isEqualTo(Digest.ofSha256(bytes));
      }
    }
  }

  @Test
  void aClosedHashIsNotUsed() {
    assumeThat(OpenSslSha256.isInstalled()).isTrue();
    var hash = new ContentHash.OpenSsl();
    hash.close();
    hash.close();
    assertThatThrownBy(() -> hash.update(new byte[1], 0, 1))
        .isInstanceOf(IllegalStateException.class);
    assertThatThrownBy(hash::digest).isInstanceOf(IllegalStateException.class);
  }

  @Test
  void anAlgorithmThatTheLibraryIsNotAskedForIsTheJdks() {
    var wanted = new Digest("sha512", "0".repeat(128));
    try (ContentHash hash = Codecs.newHash(wanted)) {
      assertThat(hash.digest().algorithm()).isEqualTo("sha512");
    }
  }

  /** Or layers would silently be slow on the very system that is recommended. */
  @Test
  void debiansLibrariesAreTheOnesWeKnow() {
    assumeThat(Files.exists(LIBRARIES.resolve("libisal.so.2"))).isTrue();
    assumeThat(Files.exists(LIBRARIES.resolve("libcrypto.so.3"))).isTrue();
    try (RawInflater inflater = Codecs.newInflater();
        ContentHash hash = Codecs.newHash(Digest.ofSha256(""))) {
      assertThat(inflater).isInstanceOf(RawInflater.Isal.class);
      assertThat(hash).isInstanceOf(ContentHash.OpenSsl.class);
    }
  }

  @Test
  void aTrialTellsWrongFromRight() {
    assertThat(CodecTrial.ofInflater(RawInflater.Jdk::new).isRight()).isTrue();
    Digest any = Digest.ofSha256("");
    assertThat(CodecTrial.ofHash(() -> new ContentHash.Jdk(any)).isRight()).isTrue();
    var sha512 = new Digest("sha512", "0".repeat(128));
    assertThat(CodecTrial.ofHash(() -> new ContentHash.Jdk(sha512)).isRight()).isFalse();
  }

  /** Native memory goes with each codec and not with the garbage collector. */
  @Test
  void thousandsOfCodecsLeaveNoMemoryBehind() throws Exception {
    useCodecs(200);
    long before = residentKilobytes();
    useCodecs(5_000); // of some 700 KiB each
    assertThat(residentKilobytes() - before).isLessThan(64 * 1024);
  }

  private static void useCodecs(int count) throws DataFormatException {
    byte[] input = new byte[RawInflater.LOOK_BACK_BYTES + 1];
    input[RawInflater.LOOK_BACK_BYTES] = 1;
    for (int i = 0; i < count; i++) {
      try (RawInflater inflater = Codecs.newInflater();
          ContentHash hash = Codecs.newHash(Digest.ofSha256(""))) {
        inflater.reset();
        inflater.setInput(input, RawInflater.LOOK_BACK_BYTES, 1);
        int _ = inflater.inflate(new byte[10], 0, 10);
        hash.update(input, 0, input.length);
      }
    }
  }

  private static long residentKilobytes() throws Exception {
    return Files.readAllLines(Path.of("/proc/self/status")).stream()
        .filter(line -> line.startsWith("VmRSS:"))
        .mapToLong(line -> Long.parseLong(line.replaceAll("[^0-9]", "")))
        .sum();
  }
}
