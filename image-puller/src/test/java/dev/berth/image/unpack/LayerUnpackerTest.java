package dev.berth.image.unpack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.runtime.kernel.Inodes;
import dev.berth.testing.RequiresRoot;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Random;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

@RequiresRoot
class LayerUnpackerTest {
  @TempDir Path dir;
  private Path layer;

  @BeforeEach
  void makeLayer() throws IOException {
    layer = Files.createDirectory(dir.resolve("layer"));
  }

  private UnpackedLayer unpack(byte[] tar) {
    return unpack(tar, UnpackLimits.DEFAULT);
  }

  private UnpackedLayer unpack(byte[] tar, UnpackLimits limits) {
    try (var unpacker = new LayerUnpacker(layer, limits)) {
      return unpacker.unpack(new ByteArrayInputStream(tar), Operation.internal("PullImage"));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  private Map<String, String> dump() {
    return TreeDump.of(layer);
  }

  @Test
  void filesKeepModeOwnerTimeAndAttributes() {
    var file = Tars.entry("bin/tool", TarConstants.LF_NORMAL);
    file.setMode(06751);
    file.setUserId(1000);
    file.setGroupId(4_000_000_000L);
    file.addPaxHeader("mtime", "1700000000.1234567");
    file.addPaxHeader("SCHILY.xattr.user.note", "hello");
    file.addPaxHeader("SCHILY.xattr.trusted.overlay.redirect", "/etc");
    file.addPaxHeader("SCHILY.xattr.security.selinux", "label");
    var unpacked =
        unpack(
            new Tars()
                .directory(".", 0751)
                .directory("bin", 01777)
                .add(file, "content".getBytes(StandardCharsets.UTF_8))
                .symlink("link", "/absolute/../target")
                .hardLink("bin/other", "./bin/tool")
                .device("null", TarConstants.LF_CHR, 1, 3)
                .device("block", TarConstants.LF_BLK, 259, 70000)
                .device("fifo", TarConstants.LF_FIFO, 0, 0)
                .bytes());
    String time = " 2023-11-14T22:13:20Z";
    String content = " 2023-11-14T22:13:20.1234567Z content =bin/other user.note=68656c6c6f";
    assertThat(dump())
        .isEqualTo(
            Map.of(
                ".", "040751 0:0" + time,
                "bin", "041777 0:0" + time,
                "bin/tool", "106751 1000:-294967296" + content,
                "bin/other", "106751 1000:-294967296" + content,
                "link", "120777 0:0" + time + " -> /absolute/../target",
                "null", "020644 0:0" + time + " 259",
                "block", "060644 0:0" + time + " " + Inodes.deviceNumber(259, 70000),
                "fifo", "010644 0:0" + time));
    assertThat(unpacked.sidecar().isEmpty()).isTrue();
    assertThat(unpacked.explicitRoot()).isTrue();
    assertThat(unpacked.inodes()).isEqualTo(6);
  }

  @ParameterizedTest
  @ValueSource(ints = {TarArchiveOutputStream.LONGFILE_GNU, TarArchiveOutputStream.LONGFILE_POSIX})
  void longNamesAndLinksSurvive(int mode) {
    String name = "d/" + "n".repeat(255);
    String deep = ("x".repeat(60) + "/").repeat(20) + "f";
    unpack(
        new Tars(mode)
            .file(name, "a")
            .file(deep, "b")
            .symlink("l", "t".repeat(300))
            .hardLink("h", deep)
            .file("name with \u00fcml\u00e4uts", "c")
            .bytes());
    assertThat(layer.resolve(name)).hasContent("a");
    assertThat(layer.resolve("h")).hasContent("b");
    assertThat(dump().get("l")).endsWith("t".repeat(300));
    assertThat(layer.resolve("name with \u00fcml\u00e4uts")).hasContent("c");
  }

  @Test
  void namesThatAreNotUtf8PassUnchanged() throws IOException {
    byte[] tar = new Tars().file("XY", "bytes").bytes();
    tar[0] = (byte) 0xff;
    fixChecksum(tar, 0);
    unpack(tar);
    var find = new ProcessBuilder("ls", layer.toString()).start();
    assertThat(find.getInputStream().readAllBytes()).startsWith(0xff, 'Y', '\n');
  }

  private static void fixChecksum(byte[] tar, int header) {
    Arrays.fill(tar, header + 148, header + 156, (byte) ' ');
    int sum = 0;
    for (int i = header; i < header + 512; i++) {
      sum += tar[i] & 0xff;
    }
    byte[] text = String.format("%06o\0 ", sum).getBytes(StandardCharsets.US_ASCII);
    System.arraycopy(text, 0, tar, header + 148, 8);
  }

  @Test
  void whiteoutsBecomeDevicesAndOpaqueDirectoriesGetTheirMark() {
    unpack(
        new Tars()
            .directory("d")
            .file("d/.wh.gone", "")
            .directory("opaque")
            .file("opaque/kept", "x")
            .file("opaque/.wh..wh..opq", "")
            .file(".wh..wh.plnk", "")
            .bytes());
    assertThat(dump().get("d/gone")).startsWith("020600 0:0").endsWith(" 0");
    assertThat(dump().get("opaque")).endsWith(" trusted.overlay.opaque=79");
    assertThat(dump().keySet())
        .containsExactlyInAnyOrder(".", "d", "d/gone", "opaque", "opaque/kept");
  }

  @Test
  void aWhiteoutDoesNotTouchWhatItsOwnLayerHas() {
    unpack(
        new Tars()
            .file("before", "kept")
            .file(".wh.before", "")
            .file(".wh.after", "")
            .file("after", "kept")
            .directory("dir-before")
            .file(".wh.dir-before", "")
            .file(".wh.dir-after", "")
            .directory("dir-after")
            .file("dir-after/x", "")
            .bytes());
    assertThat(layer.resolve("before")).hasContent("kept");
    assertThat(layer.resolve("after")).hasContent("kept");
    assertThat(dump().get("dir-before")).endsWith("trusted.overlay.opaque=79");
    assertThat(dump().get("dir-after")).endsWith("trusted.overlay.opaque=79");
  }

  @Test
  void belowARemovedNameADirectoryBeginsAnew() {
    var unpacked =
        unpack(
            new Tars()
                .file(".wh.d", "")
                .file("d/.wh.idle", "")
                .file("d/new", "x")
                .file("e/.wh.idle", "")
                .file(".wh.e", "")
                .file("f/kept", "x")
                .file("f/.wh.idle", "")
                .file(".wh.f", "")
                .bytes());
    assertThat(dump().get("d")).startsWith("040755").endsWith("trusted.overlay.opaque=79");
    assertThat(dump().get("e")).startsWith("020600");
    assertThat(dump().get("f")).startsWith("040755").endsWith("trusted.overlay.opaque=79");
    assertThat(dump().keySet()).containsExactly(".", "d", "d/new", "e", "f", "f/kept");
    assertThat(unpacked.sidecar().isEmpty()).isTrue();
  }

  @Test
  void theLastOfSeveralEntriesOfOnePathCounts() {
    unpack(
        new Tars()
            .file("a", "first")
            .file("a", "second")
            .directory("b")
            .file("b/inside", "x")
            .file("b", "now a file")
            .symlink("c", "a")
            .directory("c", 0700)
            .file("c/x", "y")
            .directory("d", 0700)
            .directory("d", 0711)
            .bytes());
    assertThat(layer.resolve("a")).hasContent("second");
    assertThat(layer.resolve("b")).hasContent("now a file");
    assertThat(layer.resolve("c/x")).hasContent("y");
    assertThat(dump().get("d")).startsWith("040711");
  }

  @Test
  void implicitParentsAndUnresolvedLinksGoToTheSidecar() {
    var unpacked =
        unpack(
            new Tars()
                .file("tmp/x", "1")
                .file("usr/share/doc/y", "2")
                .directory("usr")
                .hardLink("link", "bin/lower")
                .hardLink("early", "late")
                .file("late", "here")
                .bytes());
    assertThat(unpacked.sidecar().implicitDirectories())
        .containsExactly("tmp", "usr/share", "usr/share/doc");
    assertThat(unpacked.sidecar().links())
        .containsExactly(new Sidecar.PendingLink("link", "bin/lower"));
    assertThat(layer.resolve("early")).hasContent("here");
  }

  @Test
  void aRelativeLinkInsideTheLayerIsAWayThrough() {
    unpack(
        new Tars()
            .directory("usr")
            .directory("usr/lib")
            .symlink("lib", "usr/lib")
            .symlink("usr/lib64", "../usr/./lib")
            .file("lib/a", "1")
            .file("usr/lib64/b", "2")
            .symlink("run", "var/run")
            .file("run/pid", "3")
            .bytes());
    assertThat(layer.resolve("usr/lib/a")).hasContent("1");
    assertThat(layer.resolve("usr/lib/b")).hasContent("2");
    assertThat(layer.resolve("var/run/pid")).hasContent("3");
    assertThat(Files.isSymbolicLink(layer.resolve("lib"))).isTrue();
  }

  @Test
  void nothingOfAHostileArchiveLandsOutside() throws IOException {
    Path victim = Files.writeString(dir.resolve("victim"), "untouched");
    String out = dir.toString();
    Map<String, byte[]> archives =
        Map.ofEntries(
            Map.entry("../victim", new Tars().file("../victim", "pwned").bytes()),
            Map.entry("a/../../victim", new Tars().file("a/../../victim", "pwned").bytes()),
            Map.entry("/../victim", new Tars().file("/../victim", "pwned").bytes()),
            Map.entry("s/victim", new Tars().symlink("s", "..").file("s/victim", "x").bytes()),
            Map.entry("t/victim", new Tars().symlink("t", out).file("t/victim", "x").bytes()),
            Map.entry(
                "u/v/victim",
                new Tars().directory("u").symlink("u/v", "../..").file("u/v/victim", "x").bytes()),
            Map.entry("w/../s", new Tars().symlink("s", "w/../s").file("s/x", "x").bytes()),
            Map.entry("hard", new Tars().hardLink("hard", "../victim").bytes()),
            Map.entry("hard2", new Tars().symlink("s", out).hardLink("hard2", "s/victim").bytes()),
            Map.entry(".wh..", new Tars().file(".wh..", "").bytes()),
            Map.entry(".wh...", new Tars().file(".wh...", "").bytes()),
            Map.entry(".wh.", new Tars().file(".wh.", "").bytes()),
            Map.entry(".wh.a/b", new Tars().file(".wh.a/b", "").bytes()),
            Map.entry("loop/x", new Tars().symlink("loop", "loop").file("loop/x", "x").bytes()),
            Map.entry("file/x", new Tars().file("file", "").file("file/x", "x").bytes()),
            Map.entry("white", new Tars().device("white", TarConstants.LF_CHR, 0, 0).bytes()),
            Map.entry("big", new Tars().device("big", TarConstants.LF_BLK, 4096, 0).bytes()),
            Map.entry("dirlink", new Tars().directory("d").hardLink("dirlink", "d").bytes()),
            Map.entry("./", new Tars().symlink("./", "/etc").bytes()),
            Map.entry("n".repeat(256), new Tars().file("n".repeat(256), "").bytes()));
    archives.forEach((name, tar) -> {
      emptyLayer();
      assertThatThrownBy(() -> unpack(tar))
          .as(name)
          .isInstanceOfSatisfying(
              BerthException.class,
              e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
          .message()
          .startsWith("entry \"")
          .hasSizeLessThan(400);
    });
    assertThat(victim).hasContent("untouched");
    try (var left = Files.list(dir)) {
      assertThat(left).containsExactlyInAnyOrder(layer, victim);
    }
  }

  private void emptyLayer() {
    try {
      AtomicFiles.deleteTree(layer);
      Files.createDirectory(layer);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void aLinkIsNeverWrittenThrough() throws IOException {
    Path victim = Files.writeString(dir.resolve("victim"), "untouched");
    Files.setAttribute(victim, "unix:mode", 0600);
    var link = Tars.entry("hard", TarConstants.LF_LINK);
    link.setLinkName("s");
    link.setMode(0777);
    link.setIds(1, 1);
    unpack(
        new Tars()
            .symlink("s", victim.toString())
            .file("s2", "")
            .symlink("s2", victim.toString())
            .file("s2", "own content")
            .add(link, new byte[0])
            .bytes());
    assertThat(victim).hasContent("untouched");
    assertThat(Files.getAttribute(victim, "unix:mode")).isEqualTo(0100600);
    assertThat(Files.isSymbolicLink(layer.resolve("hard"))).isTrue();
    assertThat(Files.isRegularFile(layer.resolve("s2"), LinkOption.NOFOLLOW_LINKS)).isTrue();
  }

  /** The kernel would end the target there, and what follows would be lost. */
  @Test
  void aLinkTargetWithANulIsRefused() {
    var link = Tars.entry("s", TarConstants.LF_SYMLINK);
    link.setLinkName("a\0" + "b".repeat(120)); // too long for the field that ends at a NUL
    assertThatThrownBy(() -> unpack(new Tars().add(link, new byte[0]).bytes()))
        .hasMessage("entry \"s\": the symbolic link has a target of 122 bytes or with a NUL in it");
  }

  @Test
  void ownersOutOfRangeAreRefused() {
    var entry = Tars.entry("f", TarConstants.LF_NORMAL);
    entry.addPaxHeader("uid", "4294967295");
    assertThatThrownBy(() -> unpack(new Tars().add(entry, new byte[0]).bytes()))
        .hasMessage("entry \"f\": uid 4294967295 is out of range");
  }

  @Test
  void sparseFilesKeepTheirHoles() throws Exception {
    Path source = Files.createDirectory(dir.resolve("source"));
    byte[] data = new byte[4096];
    new Random(1).nextBytes(data);
    try (var file = new java.io.RandomAccessFile(source.resolve("sparse").toFile(), "rw")) {
      for (int i = 0; i < 30; i++) {
        file.seek(i * 1_048_576L);
        file.write(data);
      }
      file.setLength(64L << 20);
    }
    for (String format :
        List.of(
            "--format=gnu",
            "--format=posix --sparse-version=0.0",
            "--format=posix --sparse-version=0.1",
            "--format=posix --sparse-version=1.0")) {
      emptyLayer();
      unpack(tarOf(source, format));
      assertThat(Files.mismatch(source.resolve("sparse"), layer.resolve("sparse"))).isEqualTo(-1);
      assertThat(usedBytes(layer.resolve("sparse"))).as(format).isLessThan(1 << 20);
    }
  }

  private static byte[] tarOf(Path source, String format) throws Exception {
    var command = new ArrayList<>(List.of("tar", "-cS", "-C", source.toString()));
    command.addAll(List.of(format.split(" ")));
    command.add("sparse");
    var process =
        new ProcessBuilder(command).redirectError(ProcessBuilder.Redirect.INHERIT).start();
    byte[] tar = process.getInputStream().readAllBytes();
    assertThat(process.waitFor()).isZero();
    return tar;
  }

  private static long usedBytes(Path file) throws Exception {
    var process = new ProcessBuilder("stat", "-c", "%b", file.toString()).start();
    return 512
        * Long.parseLong(
            new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8).strip());
  }

  @Test
  void boundsAreKept() {
    var manyEntries = new Tars();
    for (int i = 0; i < 20; i++) {
      manyEntries.file("f" + i, "");
    }
    assertThatThrownBy(
            () -> unpack(manyEntries.bytes(), new UnpackLimits(1 << 20, 10, 1 << 20, 10)))
        .hasMessageMatching("after entry \".+\": the archive has more than 10 entries");
    var xattr = Tars.entry("f", TarConstants.LF_NORMAL);
    xattr.addPaxHeader("SCHILY.xattr.user.big", "x".repeat(70_000));
    assertThatThrownBy(() -> unpack(new Tars().add(xattr, new byte[0]).bytes()))
        .hasMessageContaining("user.big\" of 70000 bytes");
    var header = Tars.entry("f", TarConstants.LF_NORMAL);
    header.addPaxHeader("comment", "x".repeat(2 << 20));
    assertThatThrownBy(() -> unpack(new Tars().add(header, new byte[0]).bytes()))
        .hasMessageContaining("the extended headers of an entry have over 1048576 bytes");
  }

  @Test
  void anEmptyOrUnfinishedArchiveIsALayerAndADamagedOneIsNot() {
    assertThat(unpack(new byte[0]).inodes()).isZero();
    assertThat(unpack(new byte[1024]).inodes()).isZero();
    byte[] tar = new Tars().file("f", "x".repeat(600)).bytes();
    unpack(Arrays.copyOf(tar, 512 + 1024)); // no end blocks
    assertThat(layer.resolve("f")).hasSize(600);
    unpack(Arrays.copyOf(new Tars().file("g", "x").bytes(), 512 + 1)); // no padding, as by umoci
    assertThat(layer.resolve("g")).hasSize(1);
    assertThatThrownBy(() -> unpack(Arrays.copyOf(tar, 700)))
        .hasMessageContaining("the archive ends inside an entry");
    assertThatThrownBy(() -> unpack(Arrays.copyOf(tar, 100)))
        .hasMessage("before the first entry: the archive ends inside a header");
    tar[0] ^= 1;
    assertThatThrownBy(() -> unpack(tar)).hasMessageContaining("wrong checksum");
  }

  @Test
  void noArchiveMakesTheReaderFailInAnyOtherWay() {
    byte[] tar =
        new Tars()
            .directory("d")
            .file("d/" + "long".repeat(60), "content")
            .symlink("l", "d")
            .file("l/x", "y")
            .hardLink("h", "l/x")
            .file(".wh.y", "")
            .bytes();
    var random = new Random(42);
    for (int round = 0; round < 1000; round++) {
      byte[] fuzzed = tar.clone();
      int header = random.nextInt(tar.length / 512) * 512;
      for (int flips = random.nextInt(3); flips >= 0; flips--) {
        fuzzed[header + random.nextInt(512)] = (byte) random.nextInt(256);
      }
      fixChecksum(fuzzed, header);
      emptyLayer();
      try {
        unpack(fuzzed);
      } catch (BerthException e) {
        assertThat(e.kind())
            .as("round %d: %s", round, e)
            .isIn(BerthException.Kind.INVALID_ARGUMENT, BerthException.Kind.RESOURCE_EXHAUSTED);
      }
    }
  }
}
