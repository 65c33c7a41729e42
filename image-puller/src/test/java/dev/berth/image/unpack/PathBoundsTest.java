package dev.berth.image.unpack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.testing.Programs;
import dev.berth.testing.RequiresRoot;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** How long names and how deep paths may be: as long as the kernel takes, and no byte longer. */
@RequiresRoot
class PathBoundsTest {
  @TempDir Path dir;

  /** JUnit goes by whole paths, which do not reach everything and take it a minute. */
  @AfterEach
  void clean() {
    Programs.run("find", dir.toString(), "-mindepth", "1", "-delete");
  }

  private Path unpack(Tars tar) throws IOException {
    Path layer = Files.createTempDirectory(dir, "layer");
    try (var unpacker = new LayerUnpacker(layer, UnpackLimits.DEFAULT)) {
      unpacker.unpack(new ByteArrayInputStream(tar.bytes()), Operation.internal("PullImage"));
    }
    return layer;
  }

  private void assertRefused(Tars tar, String name, String why) {
    assertThatThrownBy(() -> unpack(tar))
        .isInstanceOfSatisfying(
            BerthException.class,
            e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
        .hasMessageStartingWith("entry \"" + name)
        .hasMessageEndingWith(why)
        .message()
        .hasSizeLessThan(400);
  }

  @ParameterizedTest
  @ValueSource(ints = {TarArchiveOutputStream.LONGFILE_GNU, TarArchiveOutputStream.LONGFILE_POSIX})
  void aNameHasAtMost255Bytes(int mode) throws IOException {
    assertThat(
            unpack(new Tars(mode).file("d/" + "n".repeat(255), "x"))
                .resolve("d/" + "n".repeat(255)))
        .hasContent("x");
    String why = "the path has a component of 256 bytes or with a NUL in it";
    assertRefused(new Tars(mode).file("d/" + "n".repeat(256), "x"), "d/nnn", why);
    assertRefused(new Tars(mode).file("n".repeat(256) + "/f", "x"), "nnn", why);
    assertRefused(new Tars(mode).hardLink("h", "n".repeat(256)), "h\"", why);
    // two bytes each
    assertThat(unpack(new Tars(mode).file("\u00e4".repeat(127), "x"))).isNotEmptyDirectory();
    assertRefused(new Tars(mode).file("\u00e4".repeat(128), "x"), "\u00e4\u00e4", why);
  }

  /** The prefix is of the archive, not of the name that is removed. */
  @ParameterizedTest
  @CsvSource({"251, true", "255, true", "256, false"})
  void aWhiteoutRemovesANameOfAnyLength(int bytes, boolean good) throws IOException {
    var tar = new Tars().directory("d").file("d/.wh." + "n".repeat(bytes), "");
    if (good) {
      assertThat(TreeDump.of(unpack(tar)).get("d/" + "n".repeat(bytes))).startsWith("020600 0:0");
    } else {
      assertRefused(tar, "d/.wh.nnn", "the path has a component of 256 bytes or with a NUL in it");
    }
  }

  @ParameterizedTest
  @ValueSource(ints = {TarArchiveOutputStream.LONGFILE_GNU, TarArchiveOutputStream.LONGFILE_POSIX})
  void aPathHasAtMost4095Bytes(int mode) throws IOException {
    String longest = "d/".repeat(2047) + "f";
    assertThat(longest).hasSize(4095);
    Path layer = unpack(new Tars(mode).file(longest, "x").symlink("s", longest));
    assertThat(depth(layer)).isEqualTo(2047L);
    String why = "the path has 4096 bytes";
    assertRefused(new Tars(mode).file("d/".repeat(2047) + "ff", "x"), "d/d/", why);
    assertRefused(new Tars(mode).directory("d/".repeat(2048)), "d/d/", why);
    assertRefused(new Tars(mode).hardLink("h", "d/".repeat(2047) + "ff"), "h\"", why);
    assertRefused(
        new Tars(mode).symlink("s", "t".repeat(4096)),
        "s\"",
        "the symbolic link has a target of 4096 bytes or with a NUL in it");
  }

  @Test
  void theDeepestTreeGivesWayToAFile() throws IOException {
    Path layer = unpack(new Tars().file("d/".repeat(2047) + "f", "x").file("d", "now a file"));
    assertThat(layer.resolve("d")).hasContent("now a file");
  }

  @Test
  void aPathThroughALinkIsNoLongerEither() throws IOException {
    Path layer = unpack(new Tars().symlink("s", "d/".repeat(2000)).file("s/f", "x"));
    assertThat(depth(layer)).isEqualTo(2000L);
    assertRefused(
        new Tars().symlink("s", "d/".repeat(2000)).file("s/" + "e/".repeat(100) + "f", "x"),
        "s/e/",
        "\", which has 4199 bytes");
    assertRefused(
        new Tars().symlink("s", "d/".repeat(2000)).directory("s/" + "n".repeat(100)),
        "s/nnn",
        "\", which has 4100 bytes");
  }

  private static Tars nested(int depth) {
    var tar = new Tars();
    for (int i = 1; i <= depth; i++) {
      tar.directory("s/" + "d/".repeat(i));
    }
    return tar;
  }

  /** Unpacks a layer on top of one that has a link named s. */
  private Path unpackOn(String target, Tars tar) throws IOException {
    Path lower = unpack(new Tars().symlink("s", target));
    Path layer = Files.createTempDirectory(dir, "upper");
    try (var unpacker = new LayerUnpacker(layer, UnpackLimits.DEFAULT)) {
      var archive = new ByteArrayInputStream(tar.bytes());
      UnpackedLayer unpacked = unpacker.unpack(archive, Operation.internal("PullImage"));
      SidecarMerge.run(layer, List.of(lower), unpacked.sidecar());
    }
    return layer;
  }

  @Test
  void aDeepTreeMovesToWhereALinkBelowLeads() throws IOException {
    Path layer = unpackOn("x", nested(1000).file("s/.wh..wh..opq", ""));
    assertThat(depth(layer.resolve("x"))).isEqualTo(1000L);
    assertThat(layer.resolve("s")).doesNotExist();
  }

  @Test
  void aPathThroughALinkBelowIsNoLongerEither() {
    String deep = "d/".repeat(2000);
    for (Tars tar : List.of(nested(100), new Tars().file("s/" + "d/".repeat(100) + "f", "x"))) {
      assertThatThrownBy(() -> unpackOn(deep, tar))
          .isInstanceOfSatisfying(
              BerthException.class,
              e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
          .hasMessageStartingWith("links lead to \"d/d/")
          .hasMessageEndingWith(" bytes");
    }
  }

  /** How many directories lie in one another; no path from the root reaches the lowest. */
  private static long depth(Path layer) {
    return Programs.run("find", layer.toString(), "-type", "d", "-name", "d").lines().count();
  }
}
