package dev.berth.image;

import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.image.CheckedPart.Health;
import dev.berth.image.archive.CheckedStream;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Compares layers, documents and kept content with what was written down when they came. A damaged
 * layer is taken out of use at once: its images count as not present, so that the next pull, which
 * the kubelet then asks for, fetches it again; containers that run on it keep what they have.
 */
final class StoreCheck {
  private static final System.Logger LOG = System.getLogger(StoreCheck.class.getName());

  private final ImageStore store;
  private final Layers layers;
  private final ImageFolders folders;
  private final KeptContent content;

  StoreCheck(ImageStore store, Layers layers, ImageFolders folders, KeptContent content) {
    this.store = store;
    this.layers = layers;
    this.folders = folders;
    this.content = content;
  }

  /**
   * Checks one image, or all there are for an empty name, and all kept content with them. Reads
   * every byte of them.
   */
  List<CheckedPart> run(String nameOrId, Operation operation) {
    List<ImageRecord> images = nameOrId.isEmpty() ? store.list() : List.of(require(nameOrId));
    List<CheckedPart> checked = new ArrayList<>();
    Set<String> keys = new LinkedHashSet<>();
    for (ImageRecord image : images) {
      checked.add(documents(image));
      keys.addAll(image.layers());
    }
    if (nameOrId.isEmpty()) {
      layers.all().forEach(layer -> keys.add(layer.key()));
      for (Path file : content.files()) {
        blob(file, operation).ifPresent(checked::add);
      }
    }
    try (Layers.Hold _ = layers.hold(LayerHolder.work("verify"), keys)) {
      for (String key : keys) {
        operation.check();
        checked.add(PlatformCall.run("layer-verify", () -> layer(key, operation)));
        operation.check(); // one that was stopped says nothing
      }
    }
    return checked;
  }

  private ImageRecord require(String nameOrId) {
    return store
        .find(nameOrId)
        .orElseThrow(() ->
            new BerthException(NOT_FOUND, "no image " + Ids.printable(nameOrId) + " is present"));
  }

  private CheckedPart documents(ImageRecord image) {
    long bytes = 0;
    for (Digest digest : folders.documents(image.id())) {
      Optional<byte[]> raw = folders.document(image.id(), digest);
      if (raw.isEmpty()) {
        String what = "document " + digest + " is not what its digest says";
        return new CheckedPart(image.id(), Health.DAMAGED, what, bytes, List.of(image.id()));
      }
      bytes += raw.get().length;
    }
    boolean missing = folders.document(image.id(), Digest.parse(image.id())).isEmpty();
    return new CheckedPart(
        image.id(),
        missing ? Health.DAMAGED : Health.SOUND,
        missing ? "its configuration is missing" : "",
        bytes,
        List.of(image.id()));
  }

  /** One that is wrong is thrown away: whoever needs it fetches it. Empty if it went meanwhile. */
  private Optional<CheckedPart> blob(Path file, Operation operation) {
    Digest digest = KeptContent.digestOf(file);
    long bytes = 0;
    try {
      bytes = Files.size(file);
      var blob = new Descriptor("", digest, bytes, null);
      try (var in = new CheckedStream(Files.newInputStream(file), blob, operation)) {
        in.requireEnd();
      }
      return Optional.of(new CheckedPart(digest.toString(), Health.SOUND, "", bytes, List.of()));
    } catch (NoSuchFileException e) {
      return Optional.empty();
    } catch (IOException | BerthException e) {
      operation.check();
      LOG.log(
          System.Logger.Level.ERROR, "kept content {0} is damaged: {1}", digest, e.getMessage());
      content.drop(digest);
      String detail = String.valueOf(e.getMessage());
      return Optional.of(
          new CheckedPart(digest.toString(), Health.DAMAGED, detail, bytes, List.of()));
    }
  }

  private CheckedPart layer(String key, Operation operation) throws IOException {
    Optional<Layer> found = layers.find(key);
    if (found.isEmpty()) {
      return part(key, Health.DAMAGED, "it was found damaged before, or is missing", 0);
    }
    Layer layer = found.get();
    var manifest = new LayerManifest(Layers.folderOf(layer));
    if (!manifest.exists()) {
      return part(key, Health.UNRECORDED, "nothing was written down of it", layer.usedBytes());
    }
    Optional<String> difference = manifest.difference(operation::isCancelled);
    if (difference.isEmpty()) {
      return part(key, Health.SOUND, "", layer.usedBytes());
    }
    LOG.log(System.Logger.Level.ERROR, "layer {0} is damaged: {1}", key, difference.get());
    layers.condemn(layer, difference.get());
    return part(key, Health.DAMAGED, difference.get(), layer.usedBytes());
  }

  private CheckedPart part(String key, Health health, String detail, long bytes) {
    List<String> images =
        store.list().stream()
            .filter(image -> image.layers().contains(key))
            .map(ImageRecord::id)
            .toList();
    return new CheckedPart(key, health, detail, bytes, images);
  }
}
