package dev.berth.image;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.AtomicFiles;
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
 * renamed into place, and the index is read from them at start. One that was found damaged counts
 * as missing, but its directory stays for those who have it mounted.
 *
 * <p>Thread-safe. The lock is held for a rename at most, and for the mark of a damaged layer.
 */
final class Layers {
  private static final System.Logger LOG = System.getLogger(Layers.class.getName());

  private final ImageLayout layout;
  private final Trash trash;
  private final String bootId;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private final Map<String, Layer> present = new HashMap<>();

  /** Damaged ones that someone may still have mounted, or that nothing has replaced yet. */
  @GuardedBy("lock") private final Map<String, List<Layer>> damaged = new HashMap<>();

  @GuardedBy("lock") private final LayerHolders holders = new LayerHolders();

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
      nextNumber = Math.max(nextNumber, number + 1);
      Layer layer = LayerFile.readMark(layer(file, folder), folder.resolve(LayerFile.SYNCED));
      if (Files.exists(folder.resolve(LayerFile.DAMAGED))) {
        damaged.computeIfAbsent(layer.key(), _ -> new ArrayList<>()).add(layer);
        return;
      }
      requireOnDisk(file, folder);
      if (present.putIfAbsent(layer.key(), layer) != null) {
        throw new IOException(folder + " is there twice");
      }
    } catch (IOException | NumberFormatException e) {
      LOG.log(System.Logger.Level.WARNING, "layer dropped: {0}", e.getMessage());
      trash.discard(folder);
    } finally {
      lock.unlock();
    }
  }

  /** A layer that was not known to be on the disk when the machine went down is looked at. */
  private void requireOnDisk(LayerFile file, Path folder) throws IOException {
    if (bootId.equals(file.bootId()) || Files.exists(folder.resolve(LayerFile.SYNCED))) {
      return;
    }
    var manifest = new LayerManifest(folder);
    if (!manifest.exists()) {
      throw new IOException(folder + " was not written to the disk before the machine went down");
    }
    Optional<String> difference = manifest.difference(() -> false);
    if (difference.isPresent()) {
      throw new IOException(
          folder + " has lost data when the machine went down: " + difference.get());
    }
    Files.createFile(folder.resolve(LayerFile.SYNCED));
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
    private final LayerHolder holder;
    private final List<String> keys;
    private final AtomicBoolean closed = new AtomicBoolean();

    private Hold(LayerHolder holder, Collection<String> keys) {
      this.holder = holder;
      this.keys = List.copyOf(keys);
    }

    /** Lets go; removes what nobody holds any more. Idempotent. */
    @Override
    public void close() {
      if (closed.compareAndSet(false, true)) {
        release(holder, keys);
      }
    }
  }

  /** Holds keys, whether or not there are such layers yet. */
  Hold hold(LayerHolder holder, Collection<String> keys) {
    lock.lock();
    try {
      holders.add(keys, holder);
      return new Hold(holder, keys);
    } finally {
      lock.unlock();
    }
  }

  private void release(LayerHolder holder, List<String> keys) {
    lock.lock();
    try {
      for (String key : keys) {
        holders.remove(key, holder);
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
      if (!holders.isHeld(key)) {
        Layer layer = present.remove(key);
        if (layer != null) {
          trash.discard(folderOf(layer));
        }
      }
      collectDamaged(key);
    } finally {
      lock.unlock();
    }
  }

  /** A damaged layer goes when it was replaced, but not under whoever has it mounted. */
  @GuardedBy("lock") private void collectDamaged(String key) {
    boolean wanted = holders.isInUse(key) || (holders.isHeld(key) && !present.containsKey(key));
    if (!wanted) {
      List<Layer> gone = damaged.remove(key);
      if (gone != null) {
        gone.forEach(layer -> trash.discard(folderOf(layer)));
      }
    }
  }

  /**
   * Takes a layer out of use because its files are not what they were: the next pull fetches it
   * again. Durable. What has it mounted keeps it.
   */
  void condemn(Layer layer, String why) {
    lock.lock();
    try {
      if (!layer.isSame(present.get(layer.key()))) {
        return; // it is gone already
      }
      present.remove(layer.key());
      damaged.computeIfAbsent(layer.key(), _ -> new ArrayList<>()).add(layer);
      Path mark = folderOf(layer).resolve(LayerFile.DAMAGED);
      try {
        AtomicFiles.write(mark, why.getBytes(UTF_8));
      } catch (IOException e) {
        throw ImageLayout.failed("write", mark, e);
      }
      collectDamaged(layer.key());
    } finally {
      lock.unlock();
    }
  }

  /** Whether there is a layer of that key, whole or damaged. */
  boolean isKnown(String key) {
    lock.lock();
    try {
      return present.containsKey(key) || damaged.containsKey(key);
    } finally {
      lock.unlock();
    }
  }

  /** Who holds a layer now. */
  List<LayerHolder> holders(String key) {
    lock.lock();
    try {
      return holders.of(key);
    } finally {
      lock.unlock();
    }
  }

  /** Removes every layer that nobody holds: what a crash left over. */
  void collectAll() {
    lock.lock();
    try {
      List.copyOf(present.keySet()).forEach(this::collect);
      List.copyOf(damaged.keySet()).forEach(this::collect);
    } finally {
      lock.unlock();
    }
  }

  /** Finds a whole layer. */
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

  /** Those that were found damaged and are still there. */
  List<Layer> damaged() {
    lock.lock();
    try {
      return damaged.values().stream().flatMap(List::stream).toList();
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
      collectDamaged(key);
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

  /** Notes that a layer's files are on the disk, and how much they take there. */
  void markSynced(Layer layer) throws IOException {
    Path folder = folderOf(layer);
    Path mark = folder.resolve(LayerFile.SYNCED);
    if (find(layer.key()).filter(layer::isSame).isEmpty()) {
      return; // it went meanwhile
    }
    Files.write(mark, new byte[] {'\n'}); // as many blocks as it will have
    Layer measured = LayerFile.measured(layer, folder);
    LayerFile.writeMark(mark, measured);
    lock.lock();
    try {
      if (layer.isSame(present.get(layer.key()))) {
        present.put(layer.key(), measured);
      }
    } finally {
      lock.unlock();
    }
  }

  /** The directory that is all of a layer, with what describes it. */
  static Path folderOf(Layer layer) {
    return Objects.requireNonNull(layer.directory().getParent());
  }
}
