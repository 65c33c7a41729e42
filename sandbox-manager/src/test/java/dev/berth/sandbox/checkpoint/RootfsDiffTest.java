package dev.berth.sandbox.checkpoint;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.Operation;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;
import dev.berth.runtime.kernel.OpenFlag;
import dev.berth.testing.RequiresRoot;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What GNU tar makes of an archive of changes is what was there. */
@RequiresRoot
class RootfsDiffTest {
  private static final String LONG =
      "a name that is so long that no header has room for it ".repeat(4);

  @TempDir private Path directory;
  private Path upper;
  private Path copy;

  @BeforeEach
  void makeDirectories() throws IOException {
    upper = Files.createDirectories(directory.resolve("upper"));
    copy = Files.createDirectories(directory.resolve("copy"));
  }

  @Test
  void filesKeepContentOwnerModeTimeAndLinks() throws Exception {
    Path file =
        Files.writeString(Files.createDirectories(upper.resolve(LONG)).resolve("ü"), "text");
    Files.setAttribute(file, "unix:mode", 04751);
    Files.setAttribute(file, "unix:uid", 3_000_000);
    Files.setAttribute(file, "unix:gid", 12);
    Files.setLastModifiedTime(file, FileTime.fromMillis(1_600_000_000_000L));
    Files.createLink(upper.resolve("second"), file);
    Files.createSymbolicLink(upper.resolve("link"), Path.of("/" + LONG));
    Files.write(upper.resolve("large"), new byte[200_001]);

    assertThat(copy()).isEmpty();

    Path copied = copy.resolve(LONG).resolve("ü");
    assertThat(copied).hasContent("text");
    for (String attribute : List.of("mode", "uid", "gid", "lastModifiedTime")) {
      assertThat(Files.getAttribute(copied, "unix:" + attribute))
          .isEqualTo(Files.getAttribute(file, "unix:" + attribute));
    }
    assertThat(Files.isSameFile(copied, copy.resolve("second"))).isTrue();
    assertThat(Files.readSymbolicLink(copy.resolve("link"))).isEqualTo(Path.of("/" + LONG));
    assertThat(copy.resolve("large")).hasSize(200_001);
  }

  @Test
  void aLinkThatLeadsToTheHostIsCarriedAndNotFollowed() throws Exception {
    Path host = Files.createDirectories(directory.resolve("host"));
    Files.writeString(host.resolve("secret"), "of the host");
    Files.createSymbolicLink(upper.resolve("file"), host.resolve("secret"));
    Files.createSymbolicLink(upper.resolve("directory"), host);
    Files.createSymbolicLink(upper.resolve("up"), Path.of("../host"));

    assertThat(copy()).isEmpty();

    for (String name : List.of("file", "directory", "up")) {
      assertThat(Files.readSymbolicLink(copy.resolve(name)))
          .isEqualTo(Files.readSymbolicLink(upper.resolve(name)));
    }
    assertThat(Files.readString(directory.resolve("diff.tar"), ISO_8859_1))
        .doesNotContain("of the host");
  }

  @Test
  void removedNamesAreListedAndNotArchived() throws Exception {
    Files.createDirectories(upper.resolve("etc"));
    try (var inodes = new Inodes();
        Fd etc = inodes.openDirectory(upper.resolve("etc"))) {
      assertThat(inodes.makeWhiteout(etc, "passwd")).isTrue();
      assertThat(inodes.makeNode(etc, "null", InodeStatus.CHARACTER, Inodes.deviceNumber(1, 3)))
          .isTrue();
    }
    assertThat(copy()).containsExactly("/etc/passwd");
    assertThat(copy.resolve("etc/passwd")).doesNotExist();
    assertThat(Files.getAttribute(copy.resolve("etc/null"), "unix:rdev", LinkOption.NOFOLLOW_LINKS))
        .isEqualTo(Inodes.deviceNumber(1, 3));
  }

  @Test
  void hiddenDirectoryStaysMarked() throws Exception {
    Path hidden = Files.createDirectories(upper.resolve("hidden"));
    mark(hidden, "trusted.overlay.opaque", "y");
    mark(hidden, "trusted.overlay.origin", "where it came from");
    mark(hidden, "user.note", "kept");

    assertThat(copy()).isEmpty();

    try (var attributes = new InodeAttributes();
        Fd copied = Descriptors.open(copy.resolve("hidden"), OpenFlag.DIRECTORY)) {
      assertThat(attributes.xattrs(copied))
          .containsExactlyInAnyOrder("trusted.overlay.opaque", "user.note");
      assertThat(attributes.xattr(copied, "user.note")).hasValue("kept".getBytes(UTF_8));
    }
  }

  private static void mark(Path directory, String name, String value) {
    try (var attributes = new InodeAttributes();
        Fd marked = Descriptors.open(directory, OpenFlag.DIRECTORY)) {
      assertThat(attributes.setXattr(marked, name, value.getBytes(UTF_8))).isTrue();
    }
  }

  /** Archives the upper directory and unpacks that; returns the removed names. */
  private List<String> copy() throws Exception {
    Path archive = directory.resolve("diff.tar");
    List<String> deleted;
    try (OutputStream out = Files.newOutputStream(archive)) {
      deleted = RootfsDiff.write(upper, out, Operation.internal("test"));
    }
    var tar =
        new ProcessBuilder(
                "tar",
                "--xattrs",
                "--xattrs-include=*",
                "--numeric-owner",
                "-C",
                copy.toString(),
                "-xpf",
                archive.toString())
            .inheritIO()
            .start();
    assertThat(tar.waitFor()).isZero();
    return deleted;
  }
}
