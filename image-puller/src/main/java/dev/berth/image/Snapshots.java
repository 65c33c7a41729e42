package dev.berth.image;

import static dev.berth.base.BerthException.Kind.ALREADY_EXISTS;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.gson.Gson;
import dev.berth.base.Auditor;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.MetadataStore;
import dev.berth.runtime.kernel.NativeException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Objects;
import java.util.concurrent.locks.ReentrantLock;

/**
 * Root file systems for containers: overlays of an image's layers with a directory of their own on
 * top.
 *
 * <p>Nothing is mounted here: a snapshot is a record, two directories and the description of a
 * mount. The record comes first and goes last, so whatever a crash leaves can be found and removed.
 * A snapshot holds its layers, also after its image was removed.
 *
 * <p>The root directory of an overlay looks like the topmost layer's, whatever that layer says; so
 * the top directory gets the looks of the highest layer that describes its root. Thread-safe.
 */
public final class Snapshots {
  private static final System.Logger LOG = System.getLogger(Snapshots.class.getName());
  private static final String BUCKET = "snapshots";
  private static final String DESCRIPTION = "snapshot.json";
  private static final int SCHEMA = 1;
  private static final int DEFAULT_ROOT_MODE = 0755;
  private static final Gson GSON = new Gson();

  private final MetadataStore store;
  private final ImageLayout layout;
  private final Layers layers;
  private final Trash trash;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private final Map<String, Layers.Hold> holds = new HashMap<>();

  /** The record as stored. */
  private record Json(int schema, String imageId, List<String> layers) {
    Json {
      layers = List.copyOf(layers);
    }
  }

  private Snapshots(MetadataStore store, ImageLayout layout, Layers layers, Trash trash) {
    this.store = store;
    this.layout = layout;
    this.layers = layers;
    this.trash = trash;
  }

  /**
   * Reads all records. A snapshot that has none but a description of itself is taken back: the
   * index was lost, and what a container has written is not thrown away. Other directories are.
   */
  static Snapshots load(MetadataStore store, ImageLayout layout, Layers layers, Trash trash) {
    var snapshots = new Snapshots(store, layout, layers, trash);
    for (Path folder : ImageLayout.list(layout.snapshots())) {
      if (store.get(BUCKET, folder.getFileName().toString()).isEmpty()) {
        snapshots.adopt(folder);
      }
    }
    store.all(BUCKET).forEach((key, _) -> snapshots.hold(key, snapshots.layersOf(key)));
    return snapshots;
  }

  private void adopt(Path folder) {
    String key = folder.getFileName().toString();
    Path file = folder.resolve(DESCRIPTION);
    try {
      byte[] description = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
      if (decode(description).layers().stream().allMatch(layers::isKnown)) {
        LOG.log(System.Logger.Level.WARNING, "snapshot {0} is not in the index: added", key);
        store.put(BUCKET, Ids.requireName("snapshot key", key), description);
        return;
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "{0}: {1}", file, e.getMessage());
    }
    trash.discard(folder);
  }

  private static Json decode(byte[] value) throws IOException {
    try {
      return Objects.requireNonNull(GSON.fromJson(new String(value, UTF_8), Json.class));
    } catch (RuntimeException e) { // Gson has no one exception for all that can be wrong
      throw new IOException("not a snapshot's record", e);
    }
  }

  private List<String> layersOf(String key) {
    try {
      return decode(store.get(BUCKET, key).orElseThrow()).layers();
    } catch (IOException e) {
      // Its owner can still remove it by key, which is all that a damaged record is good for.
      LOG.log(System.Logger.Level.ERROR, "snapshot record {0} is damaged", key);
      return List.of();
    }
  }

  private void hold(String key, List<String> layerKeys) {
    lock.lock();
    try {
      if (!holds.containsKey(key)) {
        holds.put(key, layers.hold(LayerHolder.snapshot(key), layerKeys));
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Adds a snapshot's record to a batch that the caller commits together with records of its own;
   * {@link #prepare} or {@link #view} then needs no commit. If the batch is not committed after
   * all, call {@link #remove}.
   */
  public void intend(MetadataStore.Batch batch, String key, ImageRecord image) {
    Ids.requireName("snapshot key", key);
    hold(key, image.layers());
    batch.put(BUCKET, key, encode(image));
  }

  private static byte[] encode(ImageRecord image) {
    return GSON.toJson(new Json(SCHEMA, image.id(), image.layers())).getBytes(UTF_8);
  }

  /**
   * Makes a writable root file system, or finds it again. Idempotent for the same key and image.
   *
   * @param key name of the snapshot, a container id as a rule
   * @throws BerthException ALREADY_EXISTS if the key is taken for another image, NOT_FOUND if the
   *     image was removed meanwhile; nothing is left then
   */
  public PreparedRootfs prepare(String key, ImageRecord image) {
    return make(key, image, true);
  }

  /** Makes a read-only root file system, or finds it again; otherwise as {@link #prepare}. */
  public PreparedRootfs view(String key, ImageRecord image) {
    return make(key, image, false);
  }

  private PreparedRootfs make(String key, ImageRecord image, boolean writable) {
    Ids.requireName("snapshot key", key);
    record(key, image);
    try {
      List<Path> lower = lowerDirectories(image.layers());
      Path folder = layout.snapshots().resolve(key);
      createDirectories(folder, image);
      return new PreparedRootfs(key, List.of(mount(folder, lower, writable)), folder.resolve("fs"));
    } catch (IOException e) {
      remove(key);
      throw ImageLayout.failed("make snapshot", layout.snapshots().resolve(key), e);
    } catch (BerthException e) {
      remove(key);
      throw e;
    }
  }

  private void record(String key, ImageRecord image) {
    hold(key, image.layers());
    byte[] wanted = encode(image);
    byte[] present = store.get(BUCKET, key).orElse(null);
    if (present == null) {
      store.put(BUCKET, key, wanted);
    } else if (!Arrays.equals(present, wanted)) {
      throw new BerthException(
          ALREADY_EXISTS, "snapshot " + key + " exists already, of another image");
    }
  }

  /**
   * Returns the directories of layers as overlayfs wants them, the highest first, without those
   * that a layer hides altogether.
   */
  List<Path> lowerDirectories(List<String> keys) {
    List<Path> directories = new ArrayList<>();
    for (int i = keys.size() - 1; i >= 0; i--) {
      Layer layer = require(keys.get(i));
      directories.add(layer.directory());
      if (layer.opaqueRoot()) {
        break;
      }
    }
    return directories;
  }

  private Layer require(String key) {
    return layers
        .find(key)
        .orElseThrow(() ->
            new BerthException(
                NOT_FOUND,
                "layer "
                    + key
                    + (layers.isKnown(key)
                        ? " is damaged: pull its image again"
                        : " is gone: its image was removed")));
  }

  private void createDirectories(Path folder, ImageRecord image) throws IOException {
    Path top = folder.resolve("fs");
    if (Files.isDirectory(top)) {
      return; // prepared before
    }
    Files.createDirectories(folder);
    Files.createDirectories(folder.resolve("work"));
    Path staged = folder.resolve("fs.new");
    Files.createDirectories(staged);
    copyRootLooks(image.layers(), staged);
    Files.write(folder.resolve(DESCRIPTION), encode(image));
    Files.move(staged, top);
  }

  private void copyRootLooks(List<String> keys, Path top) throws IOException {
    for (int i = keys.size() - 1; i >= 0; i--) {
      Layer layer = require(keys.get(i));
      if (layer.explicitRoot()) {
        Map<String, Object> looks = Files.readAttributes(layer.directory(), "unix:uid,gid,mode");
        Files.setAttribute(top, "unix:uid", Objects.requireNonNull(looks.get("uid")));
        Files.setAttribute(top, "unix:gid", Objects.requireNonNull(looks.get("gid")));
        Files.setAttribute(top, "unix:mode", Objects.requireNonNull(looks.get("mode")));
        Files.setLastModifiedTime(top, Files.getLastModifiedTime(layer.directory()));
        return;
      }
    }
    Files.setAttribute(top, "unix:mode", DEFAULT_ROOT_MODE);
  }

  private static MountSpec mount(Path folder, List<Path> lower, boolean writable) {
    Path top = folder.resolve("fs");
    if (lower.isEmpty()) {
      return new MountSpec("bind", top.toString(), List.of(writable ? "rw" : "ro", "rbind"));
    }
    List<String> directories = lower.stream().map(Path::toString).toList();
    List<String> options = new ArrayList<>(List.of("index=off"));
    if (writable) {
      options.add("workdir=" + folder.resolve("work"));
      options.add("upperdir=" + top);
      options.add("lowerdir=" + String.join(":", directories));
    } else {
      options.add("lowerdir=" + top + ":" + String.join(":", directories));
    }
    return new MountSpec("overlay", "overlay", options);
  }

  /**
   * Removes a snapshot. Idempotent. It must not be mounted any more; its layers go if it was their
   * last user.
   */
  public void remove(String key) {
    var batch = new MetadataStore.Batch();
    remove(key, batch);
    store.commit(batch);
  }

  /**
   * Removes a snapshot, leaving the removal of its record to a batch that the caller commits.
   * Idempotent.
   */
  public void remove(String key, MetadataStore.Batch batch) {
    trash.discard(layout.snapshots().resolve(Ids.requireName("snapshot key", key)));
    batch.remove(BUCKET, key);
    lock.lock();
    try {
      Layers.Hold hold = holds.remove(key);
      if (hold != null) {
        hold.close();
      }
    } finally {
      lock.unlock();
    }
  }

  /**
   * Returns the directory that has what a container has written, the upper one of its overlay. It
   * is empty and stays so for a read-only snapshot.
   */
  public Path writableLayer(String key) {
    return layout.snapshots().resolve(Ids.requireName("snapshot key", key)).resolve("fs");
  }

  /**
   * The directory that says which file system they are on: the store's, so that the kubelet sees
   * one and not two.
   */
  Path directory() {
    return layout.root();
  }

  /** Keys of all snapshots. */
  public List<String> list() {
    return List.copyOf(store.all(BUCKET).keySet());
  }

  /** Returns what compares the directories of snapshots with their records. */
  public Auditor auditor() {
    return new SnapshotAuditor(layout, this);
  }

  /**
   * Measures what a container has written, by walking its files: not for a hot path.
   *
   * @throws BerthException NOT_FOUND if there is no such snapshot
   */
  public FsUsage usage(String key) {
    Path top = writableLayer(key);
    if (!Files.isDirectory(top)) {
      throw new BerthException(NOT_FOUND, "no snapshot " + key);
    }
    try {
      DiskUsage usage = DiskUsage.of(top);
      return new FsUsage(top, usage.bytes(), usage.inodes(), Instant.now());
    } catch (NativeException e) {
      throw e.during("measure " + top);
    }
  }
}
