package dev.berth.shim;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogLimitTest {
  private static final int KEPT = 256 << 10;

  @TempDir Path dir;

  @Test
  void aLongLogBeginsAnewAndItsWriterGoesOnAtTheEnd() throws IOException {
    Path log = dir.resolve("log");
    try (OutputStream writer =
        Files.newOutputStream(log, StandardOpenOption.CREATE, StandardOpenOption.APPEND)) {
      for (int i = 0; i < 40_000; i++) {
        writer.write("line %08d\n".formatted(i).getBytes(StandardCharsets.UTF_8));
      }
      long size = Files.size(log);
      new LogLimit(log).cut(size);
      assertThat(log).hasSize(size);

      new LogLimit(log).cut(size - 1);
      writer.write("next\n".getBytes(StandardCharsets.UTF_8));
    }

    assertThat(log).hasContent("next\n");
    assertThat(dir.resolve("log.old")).hasSize(KEPT).content().endsWith("line 00039999\n");
  }

  @Test
  void noLogIsNoTrouble() throws IOException {
    new LogLimit(dir.resolve("log")).cut(0);

    assertThat(dir).isEmptyDirectory();
  }

  @Test
  void theTailOfAShortLogIsAllOfIt() throws IOException {
    Path log = Files.writeString(dir.resolve("log"), "short");

    assertThat(LogLimit.tail(log, 100)).asString(StandardCharsets.UTF_8).isEqualTo("short");
    assertThat(LogLimit.tail(log, 3)).asString(StandardCharsets.UTF_8).isEqualTo("ort");
  }
}
