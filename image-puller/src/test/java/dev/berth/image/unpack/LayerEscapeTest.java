package dev.berth.image.unpack;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.testing.RequiresRoot;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.FileTime;
import java.time.Instant;
import java.util.List;
import java.util.Map;
import org.apache.commons.compress.archivers.tar.TarConstants;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/**
 * Symbolic links, of the layer itself or of one below, lead nothing out of the layer's directory
 * (rule R15): an entry is refused by name or lands inside, and what is around the layer keeps its
 * content, owner, mode, times and attributes.
 */
@RequiresRoot
class LayerEscapeTest {
  private static final String OPAQUE = " trusted.overlay.opaque=79";

  @TempDir Path dir;
  private Path lower;
  private Path layer;
  private Map<String, String> outside;

  /** Everything has what it is about to be hit by, at every height the links lead to. */
  @BeforeEach
  void make() throws IOException {
    Path store = Files.createDirectory(dir.resolve("store"));
    lower = Files.createDirectory(store.resolve("lower"));
    layer = Files.createDirectory(store.resolve("layer"));
    for (Path place : List.of(dir, store)) {
      Path file = Files.writeString(place.resolve("victim"), "untouched");
      Files.setAttribute(file, "unix:mode", 0100640);
      Files.setAttribute(file, "unix:uid", 1234);
      Path tree = Files.createDirectory(place.resolve("victims"));
      Files.writeString(tree.resolve("inner"), "untouched");
      for (Path old : List.of(file, tree, place)) {
        Files.setLastModifiedTime(old, FileTime.from(Instant.ofEpochSecond(1_000_000_000)));
      }
    }
    outside = outside();
  }

  private Map<String, String> outside() {
    Map<String, String> tree = TreeDump.of(dir);
    tree.keySet()
        .removeIf(path -> path.startsWith("store/lower") || path.startsWith("store/layer"));
    return tree;
  }

  @AfterEach
  void nothingOutsideWasTouched() {
    assertThat(outside())
        .isEqualTo(outside)
        .containsKeys(".", "victim", "victims/inner", "store", "store/victims/inner");
  }

  private static UnpackedLayer unpack(Path directory, Tars tar) {
    try (var unpacker = new LayerUnpacker(directory, UnpackLimits.DEFAULT)) {
      return unpacker.unpack(
          new ByteArrayInputStream(tar.bytes()), Operation.internal("PullImage"));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  /** Unpacks the layer on top of the lower one and completes it. */
  private Map<String, String> apply(Tars tar) {
    SidecarMerge.run(layer, List.of(lower), unpack(layer, tar).sidecar());
    return TreeDump.of(layer);
  }

  private static Tars add(Tars tar, String type, String name) {
    return switch (type) {
      case "file" -> tar.file(name, "pwned");
      case "directory" -> tar.directory(name, 0777);
      case "symlink" -> tar.symlink(name, "/etc");
      case "device" -> tar.device(name, TarConstants.LF_CHR, 1, 3);
      case "link" -> tar.file("own", "pwned").hardLink(name, "own");
      default -> throw new AssertionError(type);
    };
  }

  @ParameterizedTest
  @CsvSource({
    "file, s/victim",
    "file, s/victims/inner",
    "file, s/.wh.victim",
    "file, s/.wh.victims",
    "file, s/.wh..wh..opq",
    "file, s/victims/.wh.inner",
    "file, s/victims/.wh..wh..opq",
    "directory, s/victims",
    "symlink, s/victim",
    "device, s/victim",
    "link, s/victim",
  })
  void nothingGoesThroughALinkThatLeadsOut(String type, String name) throws IOException {
    for (String target : List.of("..", "../..", "./../../", "/", dir.toString(), "x/../..")) {
      Path fresh = Files.createTempDirectory(layer, "");
      Tars tar = add(new Tars().symlink("s", target), type, name);
      assertThatThrownBy(() -> unpack(fresh, tar))
          .as("s -> %s", target)
          .isInstanceOfSatisfying(
              BerthException.class,
              e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
          .hasMessageStartingWith("entry \"" + name)
          .hasMessageContaining("\": the path leads through the symbolic link \"s\" to \"")
          .hasMessageEndingWith("out of the layer");
    }
  }

  @Test
  void aLinkThatStaysInsideIsFollowedByWhiteoutsToo() {
    Map<String, String> tree =
        apply(
            new Tars()
                .directory("a")
                .directory("a/b")
                .symlink("a/b/top", "../..")
                .symlink("a/b/up", "..")
                .file("a/b/top/.wh.victim", "")
                .file("a/b/up/.wh..wh..opq", ""));
    assertThat(tree.get("victim")).startsWith("020600 0:0").endsWith(" 0");
    assertThat(tree.get("a")).endsWith(OPAQUE);
    assertThat(tree.get("a/b")).doesNotContain("opaque");
    assertThatThrownBy(() ->
            apply(new Tars().directory("c").symlink("c/s", "../..").file("c/s/.wh.victim", "")))
        .hasMessageStartingWith("entry \"c/s/.wh.victim\": ");
  }

  @ParameterizedTest
  @CsvSource({"/", "..", "../..", "../../.."})
  void aLowerLayersLinkToTheRootIsNoWayForAnEntry(String target) throws IOException {
    unpack(lower, new Tars().file("victim", "lower").symlink("s", target));
    for (String name : List.of("s/victim", "s/.wh.victim", "s/.wh..wh..opq", "s/victims/inner")) {
      layer = Files.createTempDirectory(dir.resolve("store/layer"), "");
      assertThatThrownBy(() -> apply(new Tars().file(name, "pwned")))
          .as(name)
          .isInstanceOfSatisfying(
              BerthException.class,
              e -> assertThat(e.kind()).isEqualTo(BerthException.Kind.INVALID_ARGUMENT))
          .hasMessage("\"s\" is a symbolic link to itself or the root below");
    }
  }

  @ParameterizedTest
  @CsvSource({"/", "..", "../..", "../../.."})
  void aHardLinkThroughALowerLayersLinkStaysInside(String target) {
    unpack(lower, new Tars().file("victim", "lower").symlink("s", target));
    Map<String, String> tree = apply(new Tars().hardLink("h", "s/victim"));
    assertThat(tree.get("h")).contains(" lower =h");
    assertThat(tree.get("victim")).as("one file under two names").contains(" lower =h");
    assertThatThrownBy(() -> apply(new Tars().hardLink("none", "s/victims/inner")))
        .hasMessageStartingWith("hard link \"none\": neither this layer nor those below have");
  }

  @Test
  void aLowerLayersLinkToAPlaceOnTheNodeMeansThatPlaceInTheImage() {
    unpack(lower, new Tars().symlink("s", dir.toString()));
    Map<String, String> tree =
        apply(new Tars().file("s/victim", "inside").file("s/.wh.victims", ""));
    String place = dir.toString().substring(1);
    assertThat(tree.get(place + "/victim")).contains(" inside =");
    assertThat(tree.get(place + "/victims")).startsWith("020600 0:0");
    assertThat(tree).doesNotContainKey("s");
    assertThatThrownBy(() -> apply(new Tars().hardLink("h", "s/victims/inner")))
        .hasMessageStartingWith("hard link \"h\": neither this layer nor those below have");
  }

  /** As when it was applied to the mounted layers below. */
  @ParameterizedTest
  @CsvSource({"d", "/d", "../../d"})
  void anOpaqueMarkThroughALowerLayersLinkIsForWhereItLeads(String target) {
    unpack(lower, new Tars().directory("d", 0711).file("d/old", "x").symlink("s", target));
    Map<String, String> tree = apply(new Tars().file("s/.wh..wh..opq", "").file("s/new", "y"));
    assertThat(tree.get("d")).startsWith("040711 0:0 2023-11-14").endsWith(OPAQUE);
    assertThat(tree.keySet()).containsExactly(".", "d", "d/new");
  }

  /** Or overlayfs would list them as the devices that they are. */
  @Test
  void noWhiteoutIsLeftBelowSuchAMark() {
    unpack(lower, new Tars().file("d/old", "x").file("d/sub/old", "x").symlink("s", "d"));
    Map<String, String> tree =
        apply(
            new Tars()
                .directory("d")
                .file("d/.wh.old", "")
                .directory("d/sub")
                .file("d/sub/.wh.old", "")
                .file("d/sub/kept", "y")
                .file("s/.wh..wh..opq", ""));
    assertThat(tree.keySet()).containsExactly(".", "d", "d/sub", "d/sub/kept");
    assertThat(tree.get("d")).endsWith("2023-11-14T22:13:20Z" + OPAQUE);
    assertThat(tree.get("d/sub")).endsWith("2023-11-14T22:13:20Z");
  }
}
