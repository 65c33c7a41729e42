package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.runtime.kernel.ExitStatus;
import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

class ExitRecordTest {
  private static final Instant AT = Instant.ofEpochSecond(4_102_444_800L, 123_456_789);

  @TempDir private Path directory;
  private Path file;

  @BeforeEach
  void name() {
    file = directory.resolve("exit");
  }

  @Test
  void madeRecordIsFullSizeAndEmpty() throws IOException {
    ExitRecord.create(file);
    assertThat(file).hasSize(ExitRecord.BYTES);
    assertThat(ExitRecord.read(file)).isEmpty();
  }

  @Test
  void recordIsMadeOnce() throws IOException {
    ExitRecord.create(file);
    assertThatThrownBy(() -> ExitRecord.create(file))
        .isInstanceOf(FileAlreadyExistsException.class);
  }

  static Stream<ExitStatus> statuses() {
    return Stream.of(
        new ExitStatus.Exited(0),
        new ExitStatus.Exited(255),
        new ExitStatus.Signaled(9, false),
        new ExitStatus.Signaled(11, true));
  }

  @ParameterizedTest
  @MethodSource("statuses")
  void whatWasWrittenIsRead(ExitStatus status) throws IOException {
    ExitRecord.create(file);
    ExitRecord.write(file, 4711, status, AT);
    assertThat(ExitRecord.read(file)).contains(new ExitRecord(status, 4711, false, AT));
    assertThat(file).hasSize(ExitRecord.BYTES);
  }

  @Test
  void missingShortOrForeignFileIsNoRecord() throws IOException {
    assertThat(ExitRecord.read(file)).isEmpty();
    Files.write(file, new byte[ExitRecord.BYTES - 1]);
    assertThat(ExitRecord.read(file)).isEmpty();
    Files.writeString(file, "x".repeat(ExitRecord.BYTES));
    assertThat(ExitRecord.read(file)).isEmpty();
  }
}
