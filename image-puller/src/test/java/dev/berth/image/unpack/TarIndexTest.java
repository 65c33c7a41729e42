package dev.berth.image.unpack;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.image.testing.TestImage;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Finds files in archives by their names. */
class TarIndexTest {
  @TempDir Path dir;
  private Path scratch;

  @BeforeEach
  void makeScratch() throws IOException {
    scratch = Files.createDirectory(dir.resolve("scratch"));
  }

  private Path archive(byte[] content) throws IOException {
    return Files.write(dir.resolve("archive"), content);
  }

  private static String read(TarIndex index, String name, long offset) throws IOException {
    try (InputStream in = index.open(name, offset)) {
      return new String(in.readAllBytes(), UTF_8);
    }
  }

  @Test
  void filesAreReadFromAnywhereInAnyOrderAndThroughLinks() throws IOException {
    byte[] tar =
        new Tars()
            .file("./one", "first")
            .file("d/two", "second, " + "x".repeat(1000))
            .symlink("d/three", "../one")
            .hardLink("four", "d/two")
            .symlink("loop", "loop")
            .symlink("out", "../../etc/passwd")
            .bytes();
    try (var index = TarIndex.open(archive(tar), scratch)) {
      assertThat(scratch).isEmptyDirectory();
      assertThat(index.sizeBytes("d/two")).hasValue(1008L);
      assertThat(read(index, "d/two", 8)).isEqualTo("x".repeat(1000));
      assertThat(read(index, "one", 0)).isEqualTo("first");
      assertThat(read(index, "d/three", 2)).isEqualTo("rst");
      assertThat(read(index, "four", 0)).startsWith("second");
      for (String name : new String[] {"loop", "out", "none", "d", "../one/../two"}) {
        assertThat(index.sizeBytes(name)).as(name).isEmpty();
        assertThatThrownBy(() -> index.open(name, 0)).isInstanceOf(IOException.class);
      }
    }
  }

  @Test
  void aCompressedArchiveIsDecompressedForTheTimeItIsOpen() throws IOException {
    byte[] tar = new Tars().file("one", "first").bytes();
    try (var index = TarIndex.open(archive(TestImage.gzip(tar)), scratch)) {
      assertThat(read(index, "one", 0)).isEqualTo("first");
      assertThat(scratch).isNotEmptyDirectory();
    }
    assertThat(scratch).isEmptyDirectory();
  }

  @Test
  void aBombIsStoppedAndSweptUp() throws IOException {
    byte[] bomb = TestImage.gzip(new byte[8 << 20]);
    var limits = new UnpackLimits(1L << 30, 100, 1 << 20, 10);
    assertThatThrownBy(() -> TarIndex.open(archive(bomb), scratch, limits))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.RESOURCE_EXHAUSTED))
        .hasMessageContaining("decompresses to more than the bound of 1048576 bytes");
    assertThat(scratch).isEmptyDirectory();
  }
}
