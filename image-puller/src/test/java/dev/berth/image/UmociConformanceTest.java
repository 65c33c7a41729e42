package dev.berth.image;

import static dev.berth.image.testing.Programs.run;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.testing.DockerRegistry;
import dev.berth.image.testing.Pusher;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.image.unpack.TreeDump;
import dev.berth.testing.RequiresRoot;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.io.RandomAccessFile;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarArchiveEntry;
import org.apache.commons.compress.archivers.tar.TarArchiveOutputStream;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

/**
 * Unpacks a corpus of images by a pull and by {@code umoci unpack}: what a container sees must be
 * the same tree, in types, modes, owners, times, contents, links and extended attributes.
 */
@RequiresRoot
class UmociConformanceTest {
  @TempDir Path dir;
  private DockerRegistry registry;
  private Pusher pusher;
  private MetadataStore records;
  private Images images;

  @BeforeEach
  void start() throws IOException {
    registry = DockerRegistry.start(Files.createDirectory(dir.resolve("registry")));
    pusher = new Pusher(registry);
    records = MetadataStore.open(dir.resolve("meta"));
    images = Images.open(dir.resolve("images"), records, dir.resolve("hosts"));
  }

  @AfterEach
  void stop() {
    images.close();
    records.close();
    pusher.close();
    registry.close();
  }

  /** The images of the corpus, each layer an archive. */
  enum Corpus {
    WHITEOUTS {
      @Override
      List<byte[]> layers() {
        return List.of(
            root()
                .directory("d")
                .file("d/gone", "x")
                .file("d/stays", "x")
                .directory("tree/deep")
                .file("tree/deep/f", "x")
                .symlink("link", "d")
                .file("again", "old")
                .bytes(),
            new Tars()
                .directory("d")
                .file("d/.wh.gone", "")
                .file(".wh.tree", "")
                .file(".wh.link", "")
                .file(".wh.never-there", "")
                .file(".wh.again", "")
                .bytes(),
            new Tars().file("again", "new").directory("tree").file("tree/g", "x").bytes());
      }
    },
    OPAQUE {
      @Override
      List<byte[]> layers() {
        return List.of(
            root().directory("d").file("d/a", "x").directory("d/b").file("d/b/c", "x").bytes(),
            new Tars().directory("d", 0700).file("d/.wh..wh..opq", "").file("d/new", "y").bytes(),
            new Tars().directory("d").file("d/later", "z").bytes());
      }
    },
    /** A name that the linking layer does not speak of stays a file of its own in an overlay. */
    HARD_LINKS {
      @Override
      List<byte[]> layers() {
        return List.of(
            root()
                .directory("d")
                .file("d/one", "content")
                .file("d/pair-1", "pair")
                .hardLink("d/pair-2", "d/pair-1")
                .bytes(),
            new Tars().hardLink("three", "d/one").hardLink("four", "three").bytes(),
            new Tars().directory("d").file("d/.wh.pair-1", "").bytes());
      }
    },
    REPLACED {
      @Override
      List<byte[]> layers() {
        return List.of(
            root()
                .file("file-to-dir", "x")
                .directory("dir-to-file")
                .file("dir-to-file/inner", "x")
                .symlink("link-to-dir", "file-to-dir")
                .directory("dir-to-link")
                .file("dir-to-link/inner", "x")
                .file("mode", 0644, "x".getBytes(UTF_8))
                .bytes(),
            new Tars()
                .directory("file-to-dir")
                .file("file-to-dir/f", "y")
                .file("dir-to-file", "y")
                .directory("link-to-dir")
                .symlink("dir-to-link", "mode")
                .file("mode", 06755, "x".getBytes(UTF_8))
                .bytes());
      }
    },
    DIRECTORIES_THAT_CHANGE {
      @Override
      List<byte[]> layers() {
        return List.of(
            root().directory("tmp", 01777).directory("d", 0700).file("d/f", "x").bytes(),
            new Tars().directory("d", 02755).bytes(),
            new Tars().file("tmp/implicit", "x").file("d/implicit", "x").bytes());
      }
    },
    LONG_NAMES_PAX {
      @Override
      List<byte[]> layers() {
        return List.of(longNames(TarArchiveOutputStream.LONGFILE_POSIX));
      }
    },
    LONG_NAMES_GNU {
      @Override
      List<byte[]> layers() {
        return List.of(longNames(TarArchiveOutputStream.LONGFILE_GNU));
      }
    },
    DEEP_PATHS {
      @Override
      List<byte[]> layers() {
        Tars tar = root();
        var path = new StringBuilder("deep");
        tar.directory(path.toString());
        for (int depth = 0; depth < 150; depth++) {
          path.append("/directory-").append(depth);
          tar.directory(path.toString());
        }
        return List.of(tar.file(path + "/bottom", "x").bytes());
      }
    },
    MODES_AND_OWNERS {
      @Override
      List<byte[]> layers() {
        Tars tar = root();
        for (int mode : new int[] {0, 0400, 0644, 0777, 01644, 02755, 04755, 07777}) {
          TarArchiveEntry entry = Tars.entry("f" + mode, TarConstants.LF_NORMAL);
          entry.setMode(mode);
          entry.setIds(1000 + mode, 70_000 + mode);
          tar.add(entry, "x".getBytes(UTF_8));
        }
        TarArchiveEntry large = Tars.entry("large-ids", TarConstants.LF_NORMAL);
        large.setIds(3_000_000, 2_097_152);
        TarArchiveEntry link = Tars.entry("owned-link", TarConstants.LF_SYMLINK);
        link.setLinkName("nowhere");
        link.setIds(12, 34);
        return List.of(tar.add(large, new byte[0]).add(link, new byte[0]).bytes());
      }
    },
    TIMES {
      @Override
      List<byte[]> layers() {
        Tars tar = root();
        Instant[] times = {
          Instant.EPOCH,
          Instant.ofEpochSecond(1),
          Instant.ofEpochSecond(1_700_000_000, 123_456_789),
          Instant.ofEpochSecond(4_102_444_800L),
          Instant.ofEpochSecond(9_000_000_000L)
        };
        for (int i = 0; i < times.length; i++) {
          TarArchiveEntry file = Tars.entry("f" + i, TarConstants.LF_NORMAL);
          file.setLastModifiedTime(FileTime.from(times[i]));
          TarArchiveEntry folder = Tars.entry("d" + i + "/", TarConstants.LF_DIR);
          folder.setLastModifiedTime(FileTime.from(times[i]));
          TarArchiveEntry link = Tars.entry("l" + i, TarConstants.LF_SYMLINK);
          link.setLinkName("f" + i);
          link.setLastModifiedTime(FileTime.from(times[i]));
          tar.add(file, new byte[0]).add(folder, new byte[0]).add(link, new byte[0]);
          tar.file("d" + i + "/inner", "x");
        }
        return List.of(tar.bytes());
      }
    },
    ATTRIBUTES {
      @Override
      List<byte[]> layers() {
        TarArchiveEntry user = Tars.entry("user", TarConstants.LF_NORMAL);
        user.addPaxHeader("SCHILY.xattr.user.note", "a value");
        user.addPaxHeader("SCHILY.xattr.user.empty-not", "\u0001\u0002");
        TarArchiveEntry able = Tars.entry("able", TarConstants.LF_NORMAL);
        able.setMode(0755);
        able.addPaxHeader("SCHILY.xattr.security.capability", NET_BIND);
        TarArchiveEntry folder = Tars.entry("folder/", TarConstants.LF_DIR);
        folder.addPaxHeader("SCHILY.xattr.user.note", "of a directory");
        return List.of(
            root()
                .add(user, "x".getBytes(UTF_8))
                .add(able, "x".getBytes(UTF_8))
                .add(folder, new byte[0])
                .bytes(),
            new Tars().hardLink("able-too", "able").bytes());
      }
    },
    NODES {
      @Override
      List<byte[]> layers() {
        return List.of(
            root()
                .device("null", TarConstants.LF_CHR, 1, 3)
                .device("far", TarConstants.LF_CHR, 300, 70_000)
                .device("disk", TarConstants.LF_BLK, 7, 1)
                .device("pipe", TarConstants.LF_FIFO, 0, 0)
                .symlink("relative", "null")
                .symlink("absolute", "/etc/passwd")
                .symlink("up", "../../../..")
                .symlink("loop", "loop")
                .bytes());
      }
    },
    /** Not the old format of GNU, which umoci refuses; LayerUnpackerTest has it. */
    SPARSE {
      @Override
      List<byte[]> layers() throws IOException {
        Path source = Files.createTempDirectory("sparse");
        try (var file = new RandomAccessFile(source.resolve("sparse").toFile(), "rw")) {
          for (int i = 0; i < 6; i++) {
            file.seek(i * 262_144L);
            file.write(("segment " + i).getBytes(UTF_8));
          }
          file.setLength(3 << 20);
        }
        List<byte[]> layers = new ArrayList<>();
        for (String format :
            List.of(
                "--format=posix --sparse-version=0.0",
                "--format=posix --sparse-version=0.1",
                "--format=posix --sparse-version=1.0")) {
          Path name = source.resolve("sparse" + layers.size());
          Files.move(source.resolve("sparse"), name);
          Path archive = source.resolve("archive.tar");
          List<String> command = new ArrayList<>(List.of("tar", "-cSf", archive.toString()));
          Collections.addAll(command, format.split(" "));
          command.addAll(List.of("-C", source.toString(), name.getFileName().toString()));
          run(command.toArray(String[]::new));
          layers.add(Files.readAllBytes(archive));
          Files.move(name, source.resolve("sparse"));
        }
        for (String name : List.of("sparse", "archive.tar", "")) {
          Files.delete(source.resolve(name));
        }
        layers.addFirst(root().bytes());
        return layers;
      }
    },
    ODD_ARCHIVES {
      @Override
      List<byte[]> layers() {
        var twice = new ByteArrayOutputStream();
        byte[] early = root().file("./dotted", "x").file("twice", "first").bytes();
        twice.writeBytes(early);
        return List.of(
            twice.toByteArray(),
            new byte[1024],
            new Tars()
                .file("twice", "one")
                .file("twice", "two")
                .directory("trailing/")
                .file("trailing//slashes", "x")
                .bytes());
      }
    };

    /** CAP_NET_BIND_SERVICE, permitted and effective; see linux/capability.h. */
    private static final String NET_BIND =
        new String(
            new byte[] {1, 0, 0, 2, 0, 4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0}, ISO_8859_1);

    abstract List<byte[]> layers() throws IOException;

    /** A layer that describes the root directory. */
    private static Tars root() {
      return new Tars().directory("./");
    }

    private static byte[] longNames(int mode) {
      String folder = "directory-".repeat(12);
      return new Tars(mode)
          .directory("./")
          .directory(folder)
          .file(folder + "/" + "f".repeat(200), "x")
          .file("with blanks and ünïcödé", "x")
          .symlink("link", "t".repeat(300))
          .hardLink("h".repeat(150), folder + "/" + "f".repeat(200))
          .bytes();
    }
  }

  private Map<String, String> byBerth(String name) throws IOException {
    ImageRecord image =
        images.pull(
            ImageReference.parse(registry.host() + "/" + name + ":v1"),
            Credentials.none(),
            Operation.internal("PullImage"));
    MountSpec mount = images.snapshots().prepare("container", image).mounts().getFirst();
    Path target = Files.createDirectory(dir.resolve("mounted"));
    run(
        "mount",
        "-t",
        mount.type(),
        "-o",
        String.join(",", mount.options()),
        mount.source(),
        target.toString());
    try {
      return TreeDump.of(target);
    } finally {
      run("umount", target.toString());
    }
  }

  private Map<String, String> byUmoci(String name) {
    Path layout = dir.resolve("layout");
    run(
        "skopeo",
        "copy",
        "--src-tls-verify=false",
        "docker://" + registry.host() + "/" + name + ":v1",
        "oci:" + layout + ":v1");
    Path bundle = dir.resolve("bundle");
    run("umoci", "unpack", "--image", layout + ":v1", bundle.toString());
    return TreeDump.of(bundle.resolve("rootfs"));
  }

  @ParameterizedTest
  @EnumSource
  void theTreeIsWhatUmociUnpacks(Corpus corpus) throws IOException {
    String name = corpus.name().toLowerCase(Locale.ROOT).replace('_', '-');
    var image = new TestImage();
    for (byte[] layer : corpus.layers()) {
      image.layer(layer, Compression.GZIP);
    }
    pusher.push(name, "v1", image);
    Map<String, String> tree = byBerth(name);
    Map<String, String> expected = byUmoci(name);
    if (corpus == Corpus.WHITEOUTS) { // umoci leaves the time of its run on the root
      assertThat(tree.remove(".")).startsWith("040755 0:0 2023-11-14T22:13:20Z");
      expected.remove(".");
    }
    assertThat(tree).isEqualTo(expected);
  }
}
