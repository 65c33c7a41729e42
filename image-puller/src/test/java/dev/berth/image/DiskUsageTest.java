package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DiskUsageTest {
  private static final int MIB = 1 << 20;

  @TempDir private Path top;

  @Test
  void fileOfManyNamesCountsOnce() throws IOException {
    Files.write(top.resolve("one"), new byte[MIB]);
    DiskUsage before = DiskUsage.of(top);
    Files.createLink(top.resolve("two"), top.resolve("one"));
    Files.createLink(Files.createDirectory(top.resolve("below")).resolve("3"), top.resolve("one"));

    DiskUsage after = DiskUsage.of(top);

    assertThat(before.bytes()).isGreaterThanOrEqualTo(MIB);
    assertThat(after.bytes() - before.bytes()).isLessThan(MIB / 2);
    assertThat(after.inodes() - before.inodes()).isEqualTo(1);
  }

  @Test
  void holeTakesNothing() throws IOException {
    DiskUsage before = DiskUsage.of(top);
    try (var file = new RandomAccessFile(top.resolve("sparse").toFile(), "rw")) {
      file.setLength(64L * MIB);
    }
    assertThat(DiskUsage.of(top).bytes() - before.bytes()).isLessThan(MIB);
  }

  @Test
  void linkIsNotFollowed() throws IOException {
    Path inside = Files.createDirectory(top.resolve("inside"));
    Path outside = Files.createDirectory(top.resolve("outside"));
    Files.write(outside.resolve("big"), new byte[MIB]);
    Files.createSymbolicLink(inside.resolve("link"), outside);

    assertThat(DiskUsage.of(inside).bytes()).isLessThan(MIB / 2);
    assertThat(DiskUsage.of(inside).inodes()).isEqualTo(2);
  }

  @Test
  void wholeTreeIsCountedHoweverDeep() throws IOException {
    Path directory = top;
    for (int depth = 0; depth < 100; depth++) {
      directory = Files.createDirectory(directory.resolve("deeper"));
    }
    Files.write(directory.resolve("big"), new byte[MIB]);

    assertThat(DiskUsage.of(top).inodes()).isEqualTo(102);
    assertThat(DiskUsage.of(top).bytes()).isGreaterThanOrEqualTo(MIB);
  }
}
