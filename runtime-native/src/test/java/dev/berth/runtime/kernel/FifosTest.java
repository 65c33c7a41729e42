package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

@RequiresRoot
class FifosTest {
  @TempDir Path directory;

  @Test
  void modeAndOwnerAreThoseAskedFor() {
    try (DirFd dir = DirFd.open(directory)) {
      Fifos.create(dir.fd(), "out", 0620, 1234, 5678);
      try (Fd fifo = Fifos.open(dir.fd(), "out")) {
        FileStatus status = FileStatus.of(fifo);
        assertThat(status.type()).isEqualTo(FileStatus.Type.FIFO);
        assertThat(status.permissions()).isEqualTo(0620);
        assertThat(status.uid()).isEqualTo(1234);
        assertThat(status.gid()).isEqualTo(5678);
      }
      assertThatThrownBy(() -> Fifos.create(dir.fd(), "out", 0600, 0, 0))
          .satisfies(e -> assertThat(((NativeException) e).is(Errno.EEXIST)).isTrue());
    }
  }

  @Test
  void aHolderKeepsTheReaderFromTheEndOfFile() {
    try (DirFd dir = DirFd.open(directory)) {
      Fifos.create(dir.fd(), "out", 0600, 0, 0);
      try (Fd reader = Fifos.openForReading(dir.fd(), "out")) {
        assertThat(Descriptors.read(reader, 10)).contains(new byte[0]); // no writer yet
        try (Fd holder = Fifos.open(dir.fd(), "out")) {
          assertThat(Descriptors.read(reader, 10)).isEmpty();
          Descriptors.write(holder, "line\n".getBytes(StandardCharsets.UTF_8));
          assertThat(Descriptors.read(reader, 10).orElseThrow()).hasSize(5);
          assertThat(Fifos.resize(holder, 1 << 20)).hasValue(1 << 20);
        }
      }
    }
  }

  @Test
  void itIsKnownWhetherSomebodyReads() {
    try (DirFd dir = DirFd.open(directory)) {
      Fifos.create(dir.fd(), "in", 0600, 0, 0);
      assertThat(Fifos.hasReader(dir.fd(), "in")).isFalse();
      try (Fd _ = Fifos.openForReading(dir.fd(), "in")) {
        assertThat(Fifos.hasReader(dir.fd(), "in")).isTrue();
      }
      assertThat(Fifos.hasReader(dir.fd(), "in")).isFalse();
    }
  }

  @Test
  void onlyFifosAreOpened() throws IOException {
    Files.writeString(directory.resolve("file"), "x");
    Files.createSymbolicLink(directory.resolve("link"), Path.of("file"));
    try (DirFd dir = DirFd.open(directory)) {
      List<String> before = OpenDescriptors.snapshot();
      assertThatThrownBy(() -> Fifos.open(dir.fd(), "file"))
          .isInstanceOf(BerthException.class)
          .hasMessageContaining("not a fifo");
      assertThatThrownBy(() -> Fifos.open(dir.fd(), "link"))
          .satisfies(e -> assertThat(((NativeException) e).is(Errno.ELOOP)).isTrue());
      assertThatThrownBy(() -> Fifos.open(dir.fd(), "../file")).isInstanceOf(BerthException.class);
      assertThat(OpenDescriptors.snapshot()).isEqualTo(before);
    }
  }
}
