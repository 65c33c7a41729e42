package dev.berth.image;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;
import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.MetadataStore;
import dev.berth.image.oci.ImageConfig;
import dev.berth.image.oci.ImageReference;
import java.time.Instant;
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
 * of it. Readers see an immutable map and take no lock. Thread-safe.
 */
final class ImageStore {
  static final String BUCKET = "images";

  private static final System.Logger LOG = System.getLogger(ImageStore.class.getName());
  private static final String QUARANTINE = "images-quarantine";
  private static final int SCHEMA = 1;
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();
  private static final Pattern ID = Pattern.compile("(?:sha256:)?([0-9a-f]{4,64})");

  private final MetadataStore store;
  private final Layers layers;
  private final ReentrantLock lock = new ReentrantLock();

  @GuardedBy("lock") private final Map<String, Layers.Hold> holds = new TreeMap<>();

  private volatile Map<String, ImageRecord> images = Map.of();

  /** The record as stored. */
  private record Json(
      int schema,
      String id,
      List<String> repoTags,
      List<String> repoDigests,
      long sizeBytes,
      ImageConfig config,
      List<String> layers,
      String pulledAt) {
    static Json of(ImageRecord image) {
      return new Json(
          SCHEMA,
          image.id(),
          image.repoTags(),
          image.repoDigests(),
          image.sizeBytes(),
          image.config(),
          image.layers(),
          image.pulledAt().toString());
    }

    ImageRecord toRecord() {
      return new ImageRecord(
          id, repoTags, repoDigests, sizeBytes, config, layers, Instant.parse(pulledAt));
    }
  }

  private ImageStore(MetadataStore store, Layers layers) {
    this.store = store;
    this.layers = layers;
  }

  /** Reads all records; an image that has lost a layer is dropped, a damaged record set aside. */
  static ImageStore load(MetadataStore store, Layers layers) {
    var images = new ImageStore(store, layers);
    store.all(BUCKET).forEach(images::load);
    return images;
  }

  private void load(String id, byte[] value) {
    ImageRecord image;
    try {
      image = GSON.fromJson(new String(value, UTF_8), Json.class).toRecord();
    } catch (RuntimeException e) { // Gson has no one exception for all that can be wrong
      LOG.log(System.Logger.Level.ERROR, "image record {0} is damaged, set aside", id);
      store.commit(new MetadataStore.Batch().put(QUARANTINE, id, value).remove(BUCKET, id));
      return;
    }
    List<String> missing =
        image.layers().stream().filter(key -> layers.find(key).isEmpty()).toList();
    if (!missing.isEmpty()) {
      LOG.log(System.Logger.Level.WARNING, "image {0} dropped: it has lost {1}", id, missing);
      store.remove(BUCKET, id);
      return;
    }
    lock.lock();
    try {
      holds.put(id, layers.hold(image.layers()));
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
      if (!holds.containsKey(image.id())) {
        holds.put(image.id(), layers.hold(image.layers()));
      }
      robbed.forEach(this::publish);
      publish(image);
      return image;
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
    batch.put(BUCKET, image.id(), GSON.toJson(Json.of(image)).getBytes(UTF_8));
  }

  /** Removes an image with all its names; its layers go with their last user. */
  Optional<ImageRecord> remove(String text) {
    lock.lock();
    try {
      Optional<ImageRecord> image = find(text);
      image.ifPresent(found -> {
        store.remove(BUCKET, found.id());
        Map<String, ImageRecord> next = new TreeMap<>(images);
        next.remove(found.id());
        images = next;
        Layers.Hold hold = holds.remove(found.id());
        if (hold != null) {
          hold.close();
        }
      });
      return image;
    } finally {
      lock.unlock();
    }
  }
}
