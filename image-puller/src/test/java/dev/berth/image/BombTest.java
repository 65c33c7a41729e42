package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import com.github.luben.zstd.ZstdOutputStream;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.MediaTypes;
import dev.berth.image.testing.TestImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.util.concurrent.TimeUnit;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.Test;

/** What is small and becomes large in memory is refused by a process that has little of it. */
class BombTest extends HostileRegistryFixture {
  private static final String HEAP = "-Xmx128m"; // less than berthd has
  private static final int OUT_OF_MEMORY = 3;

  private interface Archive {
    void write(TarArchiveOutputStream out) throws IOException;
  }

  @Test
  void extendedHeadersWithoutEnd() throws Exception {
    String megabyte = "x".repeat(1 << 20);
    serve(out -> {
      for (int i = 0; i < 300; i++) { // headers that no entry follows
        extendedHeader(out, "comment" + i, megabyte.substring(100));
      }
    });
    assertRefused(
        "before the first entry: the extended headers of an entry have over 1048576 bytes");
  }

  private static void extendedHeader(TarArchiveOutputStream out, String key, String value)
      throws IOException {
    byte[] record = record(key, value);
    var header = new TarArchiveEntry("pax", TarConstants.LF_PAX_EXTENDED_HEADER_LC);
    header.setSize(record.length);
    out.putArchiveEntry(header);
    out.write(record);
    out.closeArchiveEntry();
  }

  /** {@code "LENGTH KEY=VALUE\n"}, where the length counts itself. */
  private static byte[] record(String key, String value) {
    String rest = " " + key + "=" + value + "\n";
    int length = rest.length() + String.valueOf(rest.length()).length();
    length = rest.length() + String.valueOf(length).length();
    return (length + rest).getBytes(UTF_8);
  }

  @Test
  void hardLinksToFilesThatNeverCome() throws Exception {
    String component = "d".repeat(250) + "/";
    String directory = component.repeat(7);
    serve(out -> {
      for (int i = 0; i < 60_000; i++) {
        extendedHeader(out, "linkpath", directory + i); // the library is slow with long names
        var link = new TarArchiveEntry("l" + i, TarConstants.LF_LINK);
        link.setLinkName("short");
        out.putArchiveEntry(link);
        out.closeArchiveEntry();
      }
    });
    assertRefused("hard links to files that come later take over 67108864 bytes of memory");
  }

  @Test
  void aManifestOfManyValues() throws Exception {
    String zeros = "0,".repeat((4 << 20) / 2 - 200) + "0";
    registry.manifest(
        "app",
        "v1",
        ("{\"schemaVersion\": 2, \"mediaType\": \""
                + MediaTypes.OCI_MANIFEST
                + "\", \"x\": ["
                + zeros
                + "]}")
            .getBytes(UTF_8));
    assertRefused("manifest: it has more than 100000 values");
  }

  @Test
  void aConfigurationOfManyValues() throws Exception {
    registry.serve(
        "app",
        "v1",
        new TestImage().config("{\"x\": [" + "[],".repeat((8 << 20) / 3 - 200) + "0]}"));
    assertRefused("image config: it has more than 100000 values");
  }

  private void serve(Archive archive) throws IOException {
    var compressed = new ByteArrayOutputStream();
    var hash = Digest.newSha256();
    try (var zip = new ZstdOutputStream(compressed);
        var tee =
            new OutputStream() {
              @Override
              public void write(int b) throws IOException {
                write(new byte[] {(byte) b}, 0, 1);
              }

              @Override
              public void write(byte[] bytes, int offset, int length) throws IOException {
                hash.update(bytes, offset, length);
                zip.write(bytes, offset, length);
              }
            };
        var out = new TarArchiveOutputStream(tee)) {
      archive.write(out);
    }
    Digest diffId = Digest.sha256(hash.digest());
    registry.serve(
        "app",
        "v1",
        new TestImage().layer(compressed.toByteArray(), MediaTypes.OCI_LAYER + "+zstd", diffId));
  }

  private void assertRefused(String message) throws Exception {
    Process process =
        Puller.start(
            Files.createDirectory(dir.resolve("node")),
            registry.host() + "/app:v1",
            HEAP,
            "-XX:+ExitOnOutOfMemoryError");
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor(60, TimeUnit.SECONDS)).isTrue();
    assertThat(process.exitValue()).as(output).isNotEqualTo(OUT_OF_MEMORY);
    assertThat(output).contains(message);
  }
}
