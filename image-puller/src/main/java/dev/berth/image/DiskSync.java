package dev.berth.image;

import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.OpenFlag;
import java.io.IOException;
import java.util.List;

/**
 * Gets new layers onto the disk in the background, so that no pull waits for it.
 *
 * <p>One syncfs(2) for all layers that have come since the last one; only then are they marked as
 * synced (see {@link LayerFile}). Thread-safe.
 */
final class DiskSync implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(DiskSync.class.getName());

  private final ImageLayout layout;
  private final Layers layers;
  private final BackgroundTask task = new BackgroundTask("image-sync", this::run);

  DiskSync(ImageLayout layout, Layers layers) {
    this.layout = layout;
    this.layers = layers;
  }

  /** Starts a sync of the layers that need one. */
  void start() {
    task.start();
  }

  private void run() {
    try {
      sync();
    } catch (IOException | NativeException e) { // the next pull or start tries again
      LOG.log(System.Logger.Level.WARNING, "cannot sync layers to disk", e);
    }
  }

  private void sync() throws IOException {
    List<Layer> fresh = layers.unsynced();
    if (fresh.isEmpty()) {
      return;
    }
    try (Fd directory = Descriptors.open(layout.layers(), OpenFlag.DIRECTORY)) {
      Descriptors.syncFileSystem(directory);
    }
    for (Layer layer : fresh) {
      layers.markSynced(layer);
    }
  }

  /** Waits for a sync under way. */
  @Override
  public void close() {
    task.close();
  }
}
