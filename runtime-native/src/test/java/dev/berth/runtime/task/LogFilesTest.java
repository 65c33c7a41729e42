package dev.berth.runtime.task;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class LogFilesTest {
  @TempDir private Path directory;
  private Path log;
  private Path journal;

  @BeforeEach
  void name() {
    log = directory.resolve("0.log");
    journal = directory.resolve("journal");
  }

  @Test
  void logIsMadeForRootAndItsGroupOnly() throws IOException {
    LogFiles.open(log).close();
    assertThat(PosixFilePermissions.toString(Files.getPosixFilePermissions(log)))
        .isEqualTo("rw-r-----");
  }

  @Test
  void whatIsInTheLogStays() throws IOException {
    Files.writeString(log, "before\n");
    LogFiles.open(log).close();
    assertThat(log).hasContent("before\n");
  }

  @Test
  void linkIsNotFollowed() throws IOException {
    Path elsewhere = Files.writeString(directory.resolve("elsewhere"), "");
    Files.createSymbolicLink(log, elsewhere);
    assertThatThrownBy(() -> LogFiles.open(log))
        .isInstanceOf(NativeException.class)
        .hasMessageContaining("ELOOP");
  }

  @Test
  void successorGoesOnInTheRenamedFileThatTheJournalSpeaksOf() throws IOException {
    Path renamed = Files.writeString(directory.resolve("0.log.20261122"), "old\n");
    Files.writeString(log, "new\n");
    writeJournal(renamed);
    write("more\n");
    assertThat(renamed).hasContent("more");
    assertThat(log).hasContent("new");
  }

  @Test
  void successorOpensTheLogByItsNameWhenTheRecordedFileIsGone() throws IOException {
    Path removed = Files.writeString(directory.resolve("0.log.old"), "");
    writeJournal(removed);
    Files.writeString(log, "");
    Files.delete(removed);
    write("more\n");
    assertThat(log).hasContent("more");
  }

  @Test
  void successorOfAStubThatWroteNoJournalOpensTheLogByItsName() throws IOException {
    Files.write(journal, new byte[4096]);
    write("first\n");
    assertThat(log).hasContent("first");
  }

  @Test
  void withoutTheDirectoryThereIsNoLog() throws IOException {
    writeJournal(Files.createFile(directory.resolve("other")));
    assertThat(LogFiles.openForSuccessor(directory.resolve("gone/0.log"), journal)).isEmpty();
  }

  private void write(String text) {
    try (Fd file = LogFiles.openForSuccessor(log, journal).orElseThrow()) {
      Descriptors.writeAt(file, 0, text.getBytes(StandardCharsets.UTF_8));
    }
  }

  /** A struct journal of log.h that names a file. */
  private void writeJournal(Path file) throws IOException {
    ByteBuffer state = ByteBuffer.allocate(4096).order(ByteOrder.LITTLE_ENDIAN);
    state.putInt(0, 0x4c4a5242).putInt(4, 1);
    state.putLong(32, (Long) Files.getAttribute(file, "unix:ino"));
    Files.write(journal, state.array());
  }
}
