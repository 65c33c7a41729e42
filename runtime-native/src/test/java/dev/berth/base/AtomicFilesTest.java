package dev.berth.base;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import java.io.IOException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class AtomicFilesTest {
  @TempDir Path directory;

  private static String mode(Path path) throws IOException {
    return PosixFilePermissions.toString(Files.getPosixFilePermissions(path));
  }

  @Test
  void sharedDirectoriesAreMadeAndExistingOnesKeepTheirMode() throws IOException {
    Path own = AtomicFiles.createPrivateDirectories(directory.resolve("own"));
    Path shared = own.resolve("a/b");
    AtomicFiles.createSharedDirectories(shared);
    AtomicFiles.createSharedDirectories(shared);
    assertThat(mode(own)).isEqualTo("rwx------");
    assertThat(mode(own.resolve("a"))).isEqualTo("rwxr-xr-x");
    assertThat(mode(shared)).isEqualTo("rwxr-xr-x");
  }

  @Test
  void fileInTheWayOfASharedDirectoryIsNamed() throws IOException {
    Path file = Files.createFile(directory.resolve("file"));
    assertThatThrownBy(() -> AtomicFiles.createSharedDirectories(file))
        .isInstanceOf(FileAlreadyExistsException.class)
        .hasMessageContaining(file.toString());
  }
}
