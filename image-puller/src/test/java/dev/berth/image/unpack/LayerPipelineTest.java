package dev.berth.image.unpack;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import com.github.luben.zstd.Zstd;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.testing.RequiresRoot;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.GZIPOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class LayerPipelineTest {
  @TempDir Path dir;

  private UnpackedLayer run(byte[] blob, byte[] tar) {
    return run(blob, tar, UnpackLimits.DEFAULT);
  }

  private UnpackedLayer run(byte[] blob, byte[] tar, UnpackLimits limits) {
    return run(new ByteArrayInputStream(blob), blob, Digest.ofSha256(tar), limits);
  }

  private UnpackedLayer run(InputStream source, byte[] blob, Digest diffId, UnpackLimits limits) {
    var descriptor = new Descriptor("", Digest.ofSha256(blob), blob.length, null);
    try {
      return new LayerPipeline(descriptor, diffId, limits, Operation.internal("PullImage"))
          .run(source, (_, _) -> {}, Files.createTempDirectory(dir, "layer"));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private static byte[] gzip(byte[] bytes) {
    var out = new ByteArrayOutputStream();
    try (var gzip = new GZIPOutputStream(out)) {
      gzip.write(bytes);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
    return out.toByteArray();
  }

  private static byte[] concat(byte[]... parts) {
    var out = new ByteArrayOutputStream();
    for (byte[] part : parts) {
      out.writeBytes(part);
    }
    return out.toByteArray();
  }

  private static byte[] tar() {
    byte[] noise = new byte[700_000];
    new Random(9).nextBytes(noise);
    return new Tars().file("noise", 0644, noise).file("text", "hello").bytes();
  }

  @Test
  void everyFormOfCompressionIsReadToItsEnd() {
    byte[] tar = tar();
    int half = tar.length / 2;
    byte[] first = Arrays.copyOf(tar, half);
    byte[] second = Arrays.copyOfRange(tar, half, tar.length);
    byte[] skippable = {0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3};
    byte[] named = gzip(tar);
    named[3] = 8; // FNAME: a name follows the header
    named =
        concat(
            Arrays.copyOf(named, 10),
            new byte[] {'n', 0},
            Arrays.copyOfRange(named, 10, named.length));
    for (byte[] blob :
        new byte[][] {
          tar,
          gzip(tar),
          concat(gzip(first), gzip(second)),
          concat(gzip(tar), new byte[512]),
          named,
          Zstd.compress(tar),
          concat(Zstd.compress(first), Zstd.compress(second)),
          concat(skippable, Zstd.compress(tar), skippable),
        }) {
      assertThat(run(blob, tar).inodes()).isEqualTo(2);
    }
    byte[] trailing = concat(tar, new byte[5000], new byte[] {1, 2, 3});
    assertThat(run(gzip(trailing), trailing).inodes())
        .as("bytes behind the archive belong to the digest")
        .isEqualTo(2);
  }

  /** A large layer is decompressed on a thread of its own. */
  @Test
  void aLargeLayerIsReadToItsEndAndItsDamageFound() {
    byte[] noise = new byte[9 << 20];
    new Random(10).nextBytes(noise);
    byte[] tar = new Tars().file("noise", 0644, noise).file("text", "hello").bytes();
    for (byte[] blob : new byte[][] {tar, gzip(tar), Zstd.compress(tar)}) {
      assertThat(run(blob, tar).inodes()).isEqualTo(2);
    }
    byte[] damaged = gzip(tar);
    damaged[damaged.length / 2] ^= 1;
    assertThatThrownBy(() -> run(damaged, tar))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT));
    byte[] cut = Arrays.copyOf(gzip(tar), damaged.length - 100);
    assertThatThrownBy(() -> run(cut, tar)).hasMessageContaining("it ends early");
    assertThat(Thread.getAllStackTraces().keySet())
        .noneMatch(thread -> thread.getName().startsWith("layer-"));
  }

  @Test
  void damagedCompressionIsTheImagesFault() {
    byte[] tar = tar();
    byte[] zip = gzip(tar);
    byte[] zstd = Zstd.compress(tar);
    for (byte[] blob :
        new byte[][] {
          Arrays.copyOf(zip, zip.length / 2),
          Arrays.copyOf(zstd, zstd.length / 2),
          concat(zip, new byte[] {1, 2, 3}),
          concat(new byte[] {0x28, (byte) 0xb5, 0x2f, (byte) 0xfd}, new byte[50]),
          concat(new byte[] {0x1f, (byte) 0x8b}, new byte[50]),
          "this is not a tar archive, whatever else it may be".repeat(20).getBytes(UTF_8),
        }) {
      assertThatThrownBy(() -> run(blob, tar))
          .isInstanceOfSatisfying(
              BerthException.class,
              e -> assertThat(e.kind()).as("%s", e).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
          .hasMessageStartingWith("layer " + Digest.ofSha256(blob) + ": ");
    }
  }

  @Test
  void bombsAreStoppedByRatioAndBySizeWithAFlatHeap() {
    byte[] zeros = new byte[40 << 20];
    byte[] bomb = new Tars().file("zeros", 0644, zeros).bytes();
    var ratio = new UnpackLimits(1L << 40, 100, 1 << 20, 100);
    for (byte[] blob : new byte[][] {gzip(bomb), Zstd.compress(bomb)}) {
      assertThatThrownBy(() -> run(blob, bomb, ratio))
          .isInstanceOfSatisfying(
              BerthException.class,
              e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.RESOURCE_EXHAUSTED))
          .hasMessageContaining("unpacks to more than 100 times its size");
    }
    var size = new UnpackLimits(10 << 20, 100, 1L << 40, 100);
    assertThatThrownBy(() -> run(gzip(bomb), bomb, size))
        .hasMessageContaining("unpacks to more than the bound of 10485760 bytes");
  }

  @Test
  void aSourceThatFailsEndsBothThreadsAndSaysSo() {
    byte[] blob = gzip(tar());
    InputStream dead =
        new InputStream() {
          @Override
          public int read() throws IOException {
            throw new IOException("the line went dead");
          }

          @Override
          public int read(byte[] buffer, int offset, int length) throws IOException {
            return read();
          }
        };
    var failing =
        new SequenceInputStream(new ByteArrayInputStream(Arrays.copyOf(blob, 1000)), dead);
    assertThatThrownBy(() -> run(failing, blob, Digest.ofSha256(tar()), UnpackLimits.DEFAULT))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.KUBELET_REASON))
        .hasMessage("RegistryUnavailable: the line went dead");
    assertThat(Thread.getAllStackTraces().keySet())
        .noneMatch(thread -> thread.getName().startsWith("layer-"));
  }

  @Test
  void aSparseFileCannotClaimTheWholeDisk() {
    String headers = "22 GNU.sparse.major=1\n22 GNU.sparse.minor=0\n27 GNU.sparse.realsize=100\n";
    var extended = Tars.entry("headers", (byte) 'x');
    var entry = Tars.entry("huge", TarConstants.LF_NORMAL);
    byte[] map = new byte[512];
    byte[] text = "1\n90\n20\n".getBytes(US_ASCII);
    System.arraycopy(text, 0, map, 0, text.length);
    byte[] tar =
        new Tars()
            .add(extended, headers.getBytes(US_ASCII))
            .add(entry, concat(map, new byte[20]))
            .bytes();
    assertThatThrownBy(() -> run(tar, tar))
        .hasMessageContaining("a sparse map overlaps itself or is longer than its file");
  }
}
