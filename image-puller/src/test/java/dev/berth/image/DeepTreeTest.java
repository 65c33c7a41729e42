package dev.berth.image;

import static org.assertj.core.api.Assertions.assertThat;

import dev.berth.base.Operation;
import dev.berth.image.testing.TestImage;
import dev.berth.image.testing.TestImage.Compression;
import dev.berth.image.unpack.Tars;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.Inodes;
import dev.berth.testing.Await;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;

/** Trees that are deeper than a path can say are measured as far as one can, and removed. */
class DeepTreeTest extends HostileRegistryFixture {
  private ImageRecord pullImage() {
    registry.serve(
        "app",
        "v1",
        new TestImage()
            .layer(new Tars().file("d/".repeat(2047) + "f", "x").bytes(), Compression.GZIP));
    return pull("app:v1");
  }

  private void awaitEmptyTrash() {
    Path trash = dir.resolve("images/trash");
    Await.until(
        "the trash is empty",
        LIMIT,
        () -> !Files.exists(trash) || ImageLayout.list(trash).isEmpty());
  }

  @Test
  void aLayerWithTheLongestPathIsPulledAndRemoved() {
    ImageRecord image = pullImage();
    assertThat(images.usage().inodesUsed()).isGreaterThan(2047);
    images.remove(image.id(), Operation.internal("RemoveImage"));
    awaitEmptyTrash();
    assertNothingLeftBut();
  }

  /** Whoever may make directories can make them so: their bytes must not stay for ever. */
  @Test
  void whatAContainerHasPiledUpIsRemoved() throws Exception {
    ImageRecord image = pullImage();
    images.snapshots().prepare("c", image);
    Path snapshot = ImageLayout.list(dir.resolve("images/snapshots")).getFirst();
    try (var inodes = new Inodes()) {
      Fd directory = inodes.openDirectory(snapshot.resolve("fs"));
      for (int depth = 0; depth < 5000; depth++) {
        boolean made = inodes.makeDirectory(directory, "deep");
        assertThat(made).isTrue();
        inodes.createFile(directory, "file").orElseThrow().close();
        Fd below = inodes.openDirectory(directory, "deep");
        directory.close();
        directory = below;
      }
      directory.close();
    }
    assertThat(images.snapshots().usage("c").inodesUsed()).isBetween(1_000L, 5_000L);
    images.snapshots().remove("c");
    images.remove(image.id(), Operation.internal("RemoveImage"));
    awaitEmptyTrash();
    assertNothingLeftBut();
  }
}
