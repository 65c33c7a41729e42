package dev.berth.image;

import static java.nio.charset.StandardCharsets.US_ASCII;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.Zstd;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.registry.Credentials;
import dev.berth.image.testing.TestImage;
import dev.berth.image.unpack.Tars;
import dev.berth.image.unpack.TreeDump;
import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.util.Arrays;
import java.util.Map;
import org.junit.jupiter.api.Test;

/**
 * Layers that others may fetch lazily, by a table of contents at their end, are ordinary layers
 * here: eStargz is gzip of many members, zstd:chunked is zstd of many frames.
 */
class ChunkedLayerTest extends RegistryFixture {
  private static final int BLOCK = 512;
  private static final String CONTENT = "x".repeat(300);
  private static final String DIRECTORY = "040755 0:0 2023-11-14T22:13:20Z";
  private static final String FILE = "100644 0:0 2023-11-14T22:13:20Z ";

  private final ByteArrayOutputStream blob = new ByteArrayOutputStream();

  /** A directory and a file in it, of one and two blocks, and then the end of the archive. */
  private static byte[] tar() {
    return new Tars().directory("d").file("d/a", CONTENT).bytes();
  }

  private Map<String, String> pulled(String compression, Digest diffId) {
    pusher.push(
        "app",
        "v1",
        new TestImage().layer(blob.toByteArray(), MediaTypes.OCI_LAYER + compression, diffId));
    pull(registry, "app:v1", Credentials.none());
    Map<String, String> tree = TreeDump.of(dir.resolve("images/layers/1/fs"));
    tree.remove(".");
    return tree;
  }

  /** See stargz-snapshotter, docs/estargz.md. */
  @Test
  void anEstargzLayerIsUnpackedWithItsTableOfContents() {
    byte[] tar = tar();
    blob.writeBytes(TestImage.gzip(Arrays.copyOf(tar, BLOCK)));
    int fileOffset = blob.size();
    blob.writeBytes(TestImage.gzip(Arrays.copyOfRange(tar, BLOCK, 3 * BLOCK)));
    int tableOffset = blob.size();
    String table =
        """
        {"version": 1, "entries": [
          {"name": "d/", "type": "dir", "mode": 493, "offset": 0},
          {"name": "d/a", "type": "reg", "size": %d, "mode": 420, "offset": %d,
           "chunkSize": %1$d, "chunkDigest": "%s"}]}
        """
            .formatted(CONTENT.length(), fileOffset, Digest.ofSha256(CONTENT));
    byte[] tableTar = new Tars().file("stargz.index.json", table).bytes();
    blob.writeBytes(TestImage.gzip(tableTar));
    byte[] footer = estargzFooter(tableOffset);
    assertThat(footer).hasSize(51);
    blob.writeBytes(footer);

    var whole = new ByteArrayOutputStream();
    whole.write(tar, 0, 3 * BLOCK);
    whole.writeBytes(tableTar);
    assertThat(pulled("+gzip", Digest.ofSha256(whole.toByteArray())))
        .containsExactly(
            Map.entry("d", DIRECTORY),
            Map.entry("d/a", FILE + CONTENT + " =d/a"),
            Map.entry("stargz.index.json", FILE + table + " =stargz.index.json"));
  }

  /** An empty member whose header says, in an extra field, where the table begins. */
  private static byte[] estargzFooter(int tableOffset) {
    byte[] place = "%016xSTARGZ".formatted(tableOffset).getBytes(US_ASCII);
    return ByteBuffer.allocate(51)
        .order(ByteOrder.LITTLE_ENDIAN)
        .put(new byte[] {0x1f, (byte) 0x8b, 8, 4, 0, 0, 0, 0, 0, (byte) 0xff})
        .putShort((short) (4 + place.length))
        .put(new byte[] {'S', 'G'})
        .putShort((short) place.length)
        .put(place)
        .put(
            new byte[] {1, 0, 0, (byte) 0xff, (byte) 0xff}) // a last block that is stored and empty
        .put(new byte[8]) // checksum and length of nothing
        .array();
  }

  /** See containers/storage, docs/containers-storage-zstd-chunked.md. */
  @Test
  void aZstdChunkedLayerIsUnpackedWithoutItsTableOfContents() {
    byte[] tar = tar();
    blob.writeBytes(Zstd.compress(Arrays.copyOf(tar, 2 * BLOCK)));
    int fileOffset = blob.size();
    blob.writeBytes(
        Zstd.compress(Arrays.copyOfRange(tar, 2 * BLOCK, 2 * BLOCK + CONTENT.length())));
    int fileEnd = blob.size();
    blob.writeBytes(
        Zstd.compress(Arrays.copyOfRange(tar, 2 * BLOCK + CONTENT.length(), tar.length)));
    byte[] table =
        """
        {"version": 1, "entries": [
          {"type": "dir", "name": "d/", "mode": 493},
          {"type": "reg", "name": "d/a", "mode": 420, "size": %d, "offset": %d, "endOffset": %d,
           "digest": "%s"}]}
        """
            .formatted(CONTENT.length(), fileOffset, fileEnd, Digest.ofSha256(CONTENT))
            .getBytes(UTF_8);
    byte[] compressedTable = Zstd.compress(table);
    long tableOffset = blob.size() + 8L;
    blob.writeBytes(skippable(compressedTable));
    byte[] footer =
        ByteBuffer.allocate(64)
            .order(ByteOrder.LITTLE_ENDIAN)
            .putLong(tableOffset)
            .putLong(compressedTable.length)
            .putLong(table.length)
            .putLong(1) // the table is a CRFS one
            .putLong(0) // no tar-split: its offset and its two lengths
            .putLong(0)
            .putLong(0)
            .put("GNUlInUx".getBytes(US_ASCII))
            .array();
    blob.writeBytes(skippable(footer));

    assertThat(pulled("+zstd", Digest.ofSha256(tar)))
        .containsExactly(Map.entry("d", DIRECTORY), Map.entry("d/a", FILE + CONTENT + " =d/a"));
  }

  private static byte[] skippable(byte[] content) {
    return ByteBuffer.allocate(8 + content.length)
        .order(ByteOrder.LITTLE_ENDIAN)
        .putInt(0x184D2A50)
        .putInt(content.length)
        .put(content)
        .array();
  }
}
