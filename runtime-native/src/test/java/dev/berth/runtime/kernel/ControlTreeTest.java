package dev.berth.runtime.kernel;

import static org.assertj.core.api.Assertions.assertThat;

import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.PosixFilePermissions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ControlTreeTest {
  @TempDir Path directory;

  /** The daemons run with umask 077, and a program that is not root reads its own limits. */
  @Test
  void everyoneMayLookIntoADirectoryWhateverTheUmask() throws Exception {
    long before = Syscalls.check("umask", "077", 077);
    try (ControlTree tree = ControlTree.open(directory)) {
      assertThat(tree.makeDirectory("group")).isTrue();
      assertThat(tree.makeDirectory("group")).isFalse();
    } finally {
      Syscalls.check("umask", "before", before);
    }
    assertThat(
            PosixFilePermissions.toString(
                Files.getPosixFilePermissions(directory.resolve("group"))))
        .isEqualTo("rwxr-xr-x");
  }
}
