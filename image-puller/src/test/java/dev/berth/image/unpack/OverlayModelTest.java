package dev.berth.image.unpack;

import static java.nio.charset.StandardCharsets.UTF_8;
import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.AtomicFiles;
import dev.berth.base.Operation;
import dev.berth.testing.RequiresRoot;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Compares what a real overlay of unpacked layers shows with a model that knows no overlay. */
@RequiresRoot
class OverlayModelTest {
  private static final int SEEDS = 120;

  @TempDir Path dir;

  @Test
  void layersUnpackedApartMergeToWhatOneAfterTheOtherWouldGive() throws Exception {
    for (long seed = 0; seed < SEEDS; seed++) {
      var model = new LayerModel(seed);
      List<Path> stack = new ArrayList<>(); // the highest first
      List<byte[]> archives = new ArrayList<>();
      for (int i = 0; i < 2 + seed % 4; i++) {
        archives.add(model.nextLayer());
        stack.addFirst(unpack(archives.getLast(), stack));
      }
      assertThat(mounted(stack))
          .as("seed %d:%n%s", seed, listings(archives))
          .isEqualTo(model.expected());
      for (Path layer : stack) {
        AtomicFiles.deleteTree(layer);
      }
    }
  }

  private Path unpack(byte[] tar, List<Path> below) throws IOException {
    Path layer = Files.createTempDirectory(dir, "layer");
    UnpackedLayer unpacked;
    try (var unpacker = new LayerUnpacker(layer, UnpackLimits.DEFAULT)) {
      unpacked = unpacker.unpack(new ByteArrayInputStream(tar), Operation.internal("PullImage"));
    }
    SidecarMerge.run(layer, below, unpacked.sidecar());
    return layer;
  }

  private Map<String, String> mounted(List<Path> stack) throws Exception {
    Path target = Files.createTempDirectory(dir, "mnt");
    String lower = stack.stream().map(Path::toString).collect(Collectors.joining(":"));
    run(
        "mount",
        "-t",
        "overlay",
        "-o",
        "index=off,lowerdir=" + lower,
        "overlay",
        target.toString());
    try {
      var tree = TreeDump.of(target);
      tree.remove(".");
      return tree;
    } finally {
      run("umount", target.toString());
      Files.delete(target);
    }
  }

  private String listings(List<byte[]> archives) throws Exception {
    var text = new StringBuilder();
    for (byte[] archive : archives) {
      Path file = Files.write(dir.resolve("layer.tar"), archive);
      text.append(run("tar", "-tvf", file.toString())).append("--\n");
    }
    return text.toString();
  }

  private static String run(String... command) throws Exception {
    var process = new ProcessBuilder(command).redirectErrorStream(true).start();
    String output = new String(process.getInputStream().readAllBytes(), UTF_8);
    assertThat(process.waitFor()).as("%s: %s", List.of(command), output).isZero();
    return output;
  }
}
