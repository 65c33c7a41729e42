package dev.berth.image;

import static dev.berth.base.BerthException.Kind.INTERNAL;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.NativeException;
import dev.berth.runtime.kernel.OpenFlag;
import java.io.IOException;
import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

/**
 * Gets new layers onto the disk in the background, so that no pull waits for it that does not want
 * to.
 *
 * <p>One syncfs(2) for all layers that have come since the last one; only then are they marked as
 * synced (see {@link LayerFile}). Before that each gets its {@link LayerManifest}, which so is on
 * the disk together with what it describes. Thread-safe.
 */
final class DiskSync implements AutoCloseable {
  private static final System.Logger LOG = System.getLogger(DiskSync.class.getName());

  private final ImageLayout layout;
  private final Layers layers;
  private volatile boolean closing;

  /** Why the last run failed; empty if it did not. */
  private volatile String failure = "";

  private final BackgroundTask task = new BackgroundTask("image-sync", this::run);

  DiskSync(ImageLayout layout, Layers layers) {
    this.layout = layout;
    this.layers = layers;
  }

  /** Starts a sync of the layers that need one. */
  void start() {
    task.start();
  }

  /**
   * Waits until layers are on the disk.
   *
   * @param operation ends the wait
   * @throws BerthException INTERNAL if they cannot be written
   */
  void await(List<Layer> wanted, Operation operation) {
    task.await(operation);
    Set<String> missing = layers.unsynced().stream().map(Layer::key).collect(Collectors.toSet());
    for (Layer layer : wanted) {
      if (missing.contains(layer.key())) {
        String why = failure.isEmpty() ? "" : ": " + failure;
        throw new BerthException(INTERNAL, "layer " + layer.key() + " is not on the disk" + why);
      }
    }
  }

  private void run() {
    try {
      sync();
      failure = "";
    } catch (NativeException e) { // the next pull or start tries again
      LOG.log(System.Logger.Level.WARNING, "cannot sync layers to disk", e);
      failure = String.valueOf(e.getMessage());
    }
  }

  private void sync() {
    List<Layer> fresh = layers.unsynced();
    if (fresh.isEmpty()) {
      return;
    }
    for (Layer layer : fresh) {
      describe(layer);
    }
    if (closing) {
      return; // they stay without the mark, so the next start goes on
    }
    try (Fd directory = Descriptors.open(layout.layers(), OpenFlag.DIRECTORY)) {
      Descriptors.syncFileSystem(directory);
    }
    for (Layer layer : fresh) {
      mark(layer);
    }
  }

  private void mark(Layer layer) {
    try {
      layers.markSynced(layer);
    } catch (IOException | NativeException e) { // a removed layer looks broken while it goes
      if (layers.find(layer.key()).isPresent()) {
        LOG.log(System.Logger.Level.WARNING, "cannot mark layer " + layer.key(), e);
      }
    }
  }

  /** Writes down what a layer looks like while its files are still in memory. */
  private void describe(Layer layer) {
    var manifest = new LayerManifest(Layers.folderOf(layer));
    try {
      if (!manifest.exists()) {
        manifest.write(() -> closing || layers.find(layer.key()).isEmpty());
      }
    } catch (LayerManifest.StoppedException e) {
      // the layer is gone, or the next start goes on
    } catch (IOException | NativeException e) { // a removed layer looks broken while it goes
      if (layers.find(layer.key()).isPresent()) {
        LOG.log(System.Logger.Level.WARNING, "cannot describe layer " + layer.key(), e);
      }
    }
  }

  /** Waits for a sync under way. */
  @Override
  public void close() {
    closing = true;
    task.close();
  }
}
