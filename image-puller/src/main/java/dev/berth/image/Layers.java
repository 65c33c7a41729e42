package dev.berth.image;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.Ids;
import dev.berth.image.unpack.UnpackedLayer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.ArrayList;
import java.util.Collection;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.Optional;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.locks.ReentrantLock;

/**
 * The unpacked layers of this node and who needs them.
 *
 * <p>Images, snapshots and pulls under way hold the keys of the layers they need; a layer that
 * nobody holds is removed. A pull holds its keys before it looks for or makes the layers, so no
 * layer vanishes under it. The directories are the truth: a layer exists when its directory was
 * renamed into place, and the index is read from them at start.
 *
 * <p>Thread-safe. The lock is held for a rename at most.
 */
final class Layers {
  private static final System.Logger LOG = System.getLogger(Layers.class.getName());

  private final ImageLayout layout;
  private final Trash trash;
  private final String bootId;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private final Map<String, Layer> present = new HashMap<>();

  @GuardedBy("lock") private final Map<String, Integer> holders = new HashMap<>();

  @GuardedBy("lock") private long nextNumber = 1;

  private Layers(ImageLayout layout, Trash trash, String bootId) {
    this.layout = layout;
    this.trash = trash;
    this.bootId = bootId;
  }

  /** Reads the index; what is damaged or may have lost data in a crash is thrown away. */
  static Layers load(ImageLayout layout, Trash trash) throws IOException {
    var layers = new Layers(layout, trash, LayerFile.currentBoot());
    ImageLayout.list(layout.staging()).forEach(trash::discard);
    ImageLayout.list(layout.layers()).forEach(layers::load);
    return layers;
  }

  private void load(Path folder) {
    lock.lock();
    try {
      LayerFile file = LayerFile.read(folder);
      long number = Long.parseLong(folder.getFileName().toString());
      boolean trusted =
          bootId.equals(file.bootId()) || Files.exists(folder.resolve(LayerFile.SYNCED));
      String key = String.valueOf(file.key());
      if (!trusted || present.containsKey(key)) {
        throw new IOException(folder + " was not written to the disk before the machine went down");
      }
      present.put(key, layer(file, folder));
      nextNumber = Math.max(nextNumber, number + 1);
    } catch (IOException | NumberFormatException e) {
      LOG.log(System.Logger.Level.WARNING, "layer dropped: {0}", e.getMessage());
      trash.discard(folder);
    } finally {
      lock.unlock();
    }
  }

  private static Layer layer(LayerFile file, Path folder) {
    return new Layer(
        String.valueOf(file.key()),
        folder.resolve("fs"),
        file.explicitRoot(),
        file.opaqueRoot(),
        file.usedBytes(),
        file.inodes());
  }

  /** Keeps layers from being removed until it is closed. */
  final class Hold implements AutoCloseable {
    private final List<String> keys;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Hold(Collection<String> keys) {
      this.keys = List.copyOf(keys);
    }

    /** Lets go; removes what nobody holds any more. Idempotent. */
    @Override
    public void close() {
      if (closed.compareAndSet(false, true)) {
        release(keys);
      }
    }
  }

  /** Holds keys, whether or not there are such layers yet. */
  Hold hold(Collection<String> keys) {
    lock.lock();
    try {
      keys.forEach(key -> holders.merge(key, 1, Integer::sum));
      return new Hold(keys);
    } finally {
      lock.unlock();
    }
  }

  private void release(List<String> keys) {
    lock.lock();
    try {
      for (String key : keys) {
        holders.computeIfPresent(key, (_, count) -> count == 1 ? null : count - 1);
        collect(key);
      }
    } finally {
      lock.unlock();
    }
  }

  /** Removes a layer if nobody holds it. */
  void collect(String key) {
    lock.lock();
    try {
      if (!holders.containsKey(key)) {
        Layer layer = present.remove(key);
        if (layer != null) {
          trash.discard(folderOf(layer));
        }
      }
    } finally {
      lock.unlock();
    }
  }

  /** Removes every layer that nobody holds: what a crash left over. */
  void collectAll() {
    lock.lock();
    try {
      List.copyOf(present.keySet()).forEach(this::collect);
    } finally {
      lock.unlock();
    }
  }

  Optional<Layer> find(String key) {
    lock.lock();
    try {
      return Optional.ofNullable(present.get(key));
    } finally {
      lock.unlock();
    }
  }

  List<Layer> all() {
    lock.lock();
    try {
      return List.copyOf(present.values());
    } finally {
      lock.unlock();
    }
  }

  /** Makes a directory to unpack into; its {@code fs} is where the files go. */
  Path stage() throws IOException {
    Path folder = Files.createDirectory(layout.staging().resolve(Ids.generate()));
    Files.createDirectory(folder.resolve("fs"));
    return folder;
  }

  /** Throws a staged directory away; idempotent. */
  void unstage(Path folder) {
    trash.discard(folder);
  }

  /**
   * Puts a staged layer in its place. If the same layer came another way meanwhile, that one stays.
   */
  Layer commit(Path folder, String key, UnpackedLayer unpacked) throws IOException {
    var file =
        new LayerFile(
            LayerFile.SCHEMA,
            key,
            bootId,
            unpacked.explicitRoot(),
            unpacked.opaqueRoot(),
            unpacked.usedBytes(),
            unpacked.inodes());
    file.write(folder);
    lock.lock();
    try {
      Layer other = present.get(key);
      if (other != null) {
        trash.discard(folder);
        return other;
      }
      Path place = layout.layers().resolve(Long.toString(nextNumber++));
      Files.move(folder, place, StandardCopyOption.ATOMIC_MOVE);
      Layer layer = layer(file, place);
      present.put(key, layer);
      return layer;
    } finally {
      lock.unlock();
    }
  }

  /** Layers whose files may not be on the disk yet. */
  List<Layer> unsynced() {
    List<Layer> unsynced = new ArrayList<>();
    for (Layer layer : all()) {
      if (!Files.exists(folderOf(layer).resolve(LayerFile.SYNCED))) {
        unsynced.add(layer);
      }
    }
    return unsynced;
  }

  /** Notes that a layer's files are on the disk. */
  void markSynced(Layer layer) throws IOException {
    lock.lock();
    try {
      if (present.containsKey(layer.key())) {
        Path mark = folderOf(layer).resolve(LayerFile.SYNCED);
        if (!Files.exists(mark)) {
          Files.createFile(mark);
        }
      }
    } finally {
      lock.unlock();
    }
  }

  private static Path folderOf(Layer layer) {
    return Objects.requireNonNull(layer.directory().getParent());
  }
}
