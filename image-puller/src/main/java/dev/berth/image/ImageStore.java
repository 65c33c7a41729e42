package dev.berth.image;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.MetadataStore;
import dev.berth.image.oci.ImageReference;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.concurrent.locks.ReentrantLock;
import java.util.regex.Pattern;

/**
 * Remembers which images there are and what they are called, durably.
 *
 * <p>One record per image, with all its names; a tag that moves to another image leaves the one it
 * was on in the same commit. An image holds its layers from the commit of its record to the removal
 * of it. What the index knows of an image also stands in the image's folder, from which a lost
 * index is made anew. Readers see an immutable map and take no lock. Thread-safe.
 */
final class ImageStore {
  static final String BUCKET = "images";

  private static final System.Logger LOG = System.getLogger(ImageStore.class.getName());
  private static final String QUARANTINE = "images-quarantine";
  private static final Pattern ID = Pattern.compile("(?:sha256:)?([0-9a-f]{4,64})");

  private final MetadataStore store;
  private final Layers layers;
  private final ImageFolders folders;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private final Map<String, Layers.Hold> holds = new TreeMap<>();

  private volatile Map<String, ImageRecord> images = Map.of();

  private ImageStore(MetadataStore store, Layers layers, ImageFolders folders) {
    this.store = store;
    this.layers = layers;
    this.folders = folders;
  }

  /**
   * Reads all records; an image that has lost a layer is dropped, a damaged record set aside. An
   * image that has no record is taken from its folder: the index was lost, or the pull was killed
   * at its very end.
   */
  static ImageStore load(MetadataStore store, Layers layers, ImageFolders folders) {
    var images = new ImageStore(store, layers, folders);
    store.all(BUCKET).forEach(images::load);
    folders.described().stream()
        .filter(image -> images.byId(image.id()).isEmpty())
        .sorted(Comparator.comparing(ImageRecord::pulledAt))
        .forEach(images::adopt);
    images.list().forEach(folders::describe);
    return images;
  }

  private void adopt(ImageRecord image) {
    List<String> missing = missing(image);
    if (missing.isEmpty()) {
      LOG.log(System.Logger.Level.WARNING, "image {0} is not in the index: added", image.id());
      var _ = record(image);
    } else {
      LOG.log(
          System.Logger.Level.WARNING, "image {0} dropped: it has lost {1}", image.id(), missing);
    }
  }

  private List<String> missing(ImageRecord image) {
    return image.layers().stream().filter(key -> !layers.isKnown(key)).toList();
  }

  private void load(String id, byte[] value) {
    ImageRecord image;
    try {
      image = ImageJson.decode(value);
    } catch (IOException e) {
      LOG.log(System.Logger.Level.ERROR, "image record {0} is damaged, set aside", id);
      store.commit(new MetadataStore.Batch().put(QUARANTINE, id, value).remove(BUCKET, id));
      return;
    }
    List<String> missing = missing(image);
    if (!missing.isEmpty()) {
      LOG.log(System.Logger.Level.WARNING, "image {0} dropped: it has lost {1}", id, missing);
      store.remove(BUCKET, id);
      return;
    }
    lock.lock();
    try {
      holds.put(id, layers.hold(LayerHolder.image(image.id()), image.layers()));
      publish(image);
    } finally {
      lock.unlock();
    }
  }

  @GuardedBy("lock") private void publish(ImageRecord image) {
    Map<String, ImageRecord> next = new TreeMap<>(images);
    next.put(image.id(), image);
    images = next;
  }

  List<ImageRecord> list() {
    return images.values().stream()
        .sorted(Comparator.comparing(ImageRecord::pulledAt).thenComparing(ImageRecord::id))
        .toList();
  }

  Optional<ImageRecord> byId(String id) {
    return Optional.ofNullable(images.get(id));
  }

  /**
   * Finds an image by id, tag, digest, short name or short id, in this order.
   *
   * @throws BerthException FAILED_PRECONDITION if a short id fits several images
   */
  Optional<ImageRecord> find(String text) {
    ImageRecord exact = images.get(text.startsWith("sha256:") ? text : "sha256:" + text);
    return exact != null ? Optional.of(exact) : byName(text).or(() -> byShortId(text));
  }

  private Optional<ImageRecord> byName(String text) {
    String name;
    try {
      name = ImageReference.parse(text).toString();
    } catch (BerthException e) {
      return Optional.empty(); // not a name: perhaps a short id
    }
    return images.values().stream()
        .filter(image -> image.repoTags().contains(name) || image.repoDigests().contains(name))
        .findFirst();
  }

  private Optional<ImageRecord> byShortId(String text) {
    var matcher = ID.matcher(text);
    if (!matcher.matches()) {
      return Optional.empty();
    }
    String prefix = "sha256:" + matcher.group(1);
    List<ImageRecord> found =
        images.values().stream().filter(image -> image.id().startsWith(prefix)).toList();
    if (found.size() > 1) {
      throw new BerthException(
          FAILED_PRECONDITION,
          "image id " + Ids.printable(text) + " is ambiguous: it fits " + found.size() + " images");
    }
    return found.stream().findFirst();
  }

  /**
   * Records an image that was just pulled, adding its names to those it has.
   *
   * @return the image with all its names
   */
  ImageRecord record(ImageRecord pulled) {
    lock.lock();
    try {
      ImageRecord image = merged(pulled);
      var batch = new MetadataStore.Batch();
      List<ImageRecord> robbed = withoutTags(image);
      for (ImageRecord other : robbed) {
        put(batch, other);
      }
      put(batch, image);
      store.commit(batch);
      robbed.forEach(folders::describe);
      folders.describe(image);
      if (!holds.containsKey(image.id())) {
        holds.put(image.id(), layers.hold(LayerHolder.image(image.id()), image.layers()));
      }
      robbed.forEach(this::publish);
      publish(image);
      return image;
    } finally {
      lock.unlock();
    }
  }

  /**
   * Gives an image one more name; another that has it loses it.
   *
   * @throws BerthException NOT_FOUND if there is no such image
   */
  ImageRecord tag(String text, String name) {
    lock.lock();
    try {
      ImageRecord image =
          find(text)
              .orElseThrow(() ->
                  new BerthException(NOT_FOUND, "no image " + Ids.printable(text) + " is present"));
      return record(
          new ImageRecord(
              image.id(),
              List.of(name),
              List.of(),
              image.sizeBytes(),
              image.config(),
              image.layers(),
              image.pulledAt()));
    } finally {
      lock.unlock();
    }
  }

  private ImageRecord merged(ImageRecord pulled) {
    ImageRecord known = images.get(pulled.id());
    return known == null
        ? pulled
        : new ImageRecord(
            known.id(),
            union(known.repoTags(), pulled.repoTags()),
            union(known.repoDigests(), pulled.repoDigests()),
            known.sizeBytes(),
            known.config(),
            known.layers(),
            known.pulledAt());
  }

  private static List<String> union(List<String> some, List<String> others) {
    var all = new LinkedHashSet<>(some);
    all.addAll(others);
    return List.copyOf(all);
  }

  /** The other images that lose a tag to this one. */
  private List<ImageRecord> withoutTags(ImageRecord image) {
    List<ImageRecord> robbed = new ArrayList<>();
    for (ImageRecord other : images.values()) {
      List<String> kept = new ArrayList<>(other.repoTags());
      if (!other.id().equals(image.id()) && kept.removeAll(image.repoTags())) {
        robbed.add(
            new ImageRecord(
                other.id(),
                kept,
                other.repoDigests(),
                other.sizeBytes(),
                other.config(),
                other.layers(),
                other.pulledAt()));
      }
    }
    return robbed;
  }

  private static void put(MetadataStore.Batch batch, ImageRecord image) {
    batch.put(BUCKET, image.id(), ImageJson.encode(image));
  }

  /** Removes an image with all its names; its layers go with their last user. */
  Optional<ImageRecord> remove(String text) {
    lock.lock();
    try {
      Optional<ImageRecord> image = find(text);
      image.ifPresent(found -> {
        forget(found);
        Map<String, ImageRecord> next = new TreeMap<>(images);
        next.remove(found.id());
        images = next;
        Layers.Hold hold = holds.remove(found.id());
        if (hold != null) {
          hold.close();
        }
        folders.discard(found.id());
      });
      return image;
    } finally {
      lock.unlock();
    }
  }

  /** The description goes first: a crash in between must not bring the image back. */
  private void forget(ImageRecord image) {
    folders.forget(image.id());
    try {
      store.remove(BUCKET, image.id());
    } catch (BerthException e) {
      folders.describe(image);
      throw e;
    }
  }
}
