package dev.berth.runtime.kernel;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.AtomicFiles;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.EnumSet;
import java.util.List;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class DirFdTest {
  @TempDir Path directory;
  private Path root;

  @BeforeEach
  void makeRoot() throws IOException {
    root = Files.createDirectory(directory.resolve("root"));
    Files.createDirectories(root.resolve("etc/deep"));
    Files.writeString(root.resolve("etc/hosts"), "inside");
    Files.writeString(directory.resolve("secret"), "outside");
    Files.createSymbolicLink(root.resolve("absolute"), Path.of("/etc/hosts"));
    Files.createSymbolicLink(root.resolve("out"), Path.of("../secret"));
    Files.createSymbolicLink(root.resolve("magic"), Path.of("/proc/self/root"));
    Files.createSymbolicLink(root.resolve("dangling"), Path.of("/nowhere"));
    Files.createSymbolicLink(root.resolve("here"), Path.of("/etc/deep"));
  }

  @AfterEach
  void deleteLinks() throws IOException {
    AtomicFiles.deleteTree(root); // JUnit would warn about each link that leads out
  }

  @Test
  void linksAreThoseOfTheRoot() {
    try (DirFd dir = DirFd.open(root);
        Fd hosts = dir.resolve("/absolute", EnumSet.of(DirFd.Resolve.IN_ROOT))) {
      assertThat(Descriptors.readAt(hosts, 0, 100)).isEqualTo("inside".getBytes(UTF_8));
    }
  }

  @Test
  void nothingLeadsOut() {
    try (DirFd dir = DirFd.open(root)) {
      refused(dir, "out", Errno.ENOENT, DirFd.Resolve.IN_ROOT);
      refused(dir, "../secret", Errno.ENOENT, DirFd.Resolve.IN_ROOT);
      refused(dir, "out", Errno.EXDEV, DirFd.Resolve.BENEATH);
      refused(dir, "absolute", Errno.EXDEV, DirFd.Resolve.BENEATH);
      refused(dir, "absolute", Errno.ELOOP, DirFd.Resolve.NO_SYMLINKS);
    }
    try (DirFd host = DirFd.open(Path.of("/"))) {
      refused(host, "proc/self/root", Errno.ELOOP, DirFd.Resolve.IN_ROOT);
      refused(host, "proc/version", Errno.EXDEV, DirFd.Resolve.NO_CROSSING);
    }
  }

  @Test
  void missingDirectoriesAreMadeInsideTheRoot() {
    try (DirFd dir = DirFd.open(root);
        Fd made = dir.makeDirectories("/here/a//b/./c", 0755)) {
      assertThat(root.resolve("etc/deep/a/b/c")).isDirectory();
      assertThat(FileStatus.of(made).type()).isEqualTo(FileStatus.Type.DIRECTORY);
      try (Fd again = dir.makeDirectories("etc/deep/a/b/c", 0755)) {
        assertThat(FileStatus.of(again).isSameFile(FileStatus.of(made))).isTrue();
      }
    }
  }

  @Test
  void whatIsInTheWayIsAnError() {
    List<String> before = OpenDescriptors.snapshot();
    try (DirFd dir = DirFd.open(root)) {
      assertThatThrownBy(() -> dir.makeDirectories("etc/hosts/x", 0755))
          .satisfies(e -> assertThat(((NativeException) e).is(Errno.ENOTDIR)).isTrue());
      assertThatThrownBy(() -> dir.makeDirectories("dangling/x", 0755))
          .satisfies(e -> assertThat(((NativeException) e).is(Errno.ENOENT)).isTrue());
    }
    assertThat(OpenDescriptors.snapshot()).isEqualTo(before);
    assertThat(Path.of("/nowhere")).doesNotExist();
  }

  @Test
  void filesAreNotMadeThroughLinks() throws IOException {
    try (DirFd dir = DirFd.open(root)) {
      dir.createFile("etc/new", 0640, OpenFlag.WRITE, OpenFlag.EXCLUSIVE).close();
      assertThat(root.resolve("etc/new")).isRegularFile();
      assertThatThrownBy(() -> dir.createFile("dangling", 0600, OpenFlag.WRITE))
          .isInstanceOf(NativeException.class);
      assertThat(Files.exists(root.resolve("nowhere"))).isFalse();
    }
  }

  @Test
  void aRacerThatFlipsLinksNeverLeadsOut() throws Exception {
    Files.createDirectory(root.resolve("flip"));
    Files.createDirectory(directory.resolve("escaped"));
    Files.createSymbolicLink(root.resolve("flipped"), directory.resolve("escaped"));
    Thread racer = Thread.ofPlatform().start(() -> exchangeUntilInterrupted("flip", "flipped"));
    try (DirFd dir = DirFd.open(root)) {
      for (int i = 0; i < 20_000; i++) {
        try (Fd made = dir.makeDirectories("flip/x", 0755)) {
          assertThat(made.isOpen()).isTrue();
        } catch (NativeException e) {
          assertThat(e.is(Errno.ENOENT) || e.is(Errno.ENOTDIR)).as(e.getMessage()).isTrue();
        }
      }
    } finally {
      racer.interrupt();
      racer.join();
    }
    assertThat(directory.resolve("escaped")).isEmptyDirectory();
  }

  private void exchangeUntilInterrupted(String one, String other) {
    int exchange = 2; // RENAME_EXCHANGE of linux/fs.h
    try (DirFd dir = DirFd.open(root);
        var first = NativeMemory.string(one);
        var second = NativeMemory.string(other)) {
      int at = dir.fd().number();
      while (!Thread.currentThread().isInterrupted()) {
        Syscalls.check("renameat2", one, at, first.address(), at, second.address(), exchange);
      }
    }
  }

  private static void refused(DirFd dir, String path, Errno errno, DirFd.Resolve resolve) {
    assertThatThrownBy(() -> dir.resolve(path, EnumSet.of(resolve)))
        .isInstanceOf(NativeException.class)
        .satisfies(e -> assertThat(((NativeException) e).is(errno)).as(e.getMessage()).isTrue());
  }
}
