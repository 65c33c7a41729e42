package dev.berth.image;

import dev.berth.image.oci.Descriptor;
import dev.berth.runtime.kernel.NativeException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;

/** Lists all that takes space in the store and who needs it. Walks what containers have written. */
final class StoreInventory {
  private final ImageLayout layout;
  private final ImageStore store;
  private final Layers layers;
  private final ImageFolders folders;
  private final Snapshots snapshots;
  private final PartialBlobs partials;

  StoreInventory(
      ImageLayout layout,
      ImageStore store,
      Layers layers,
      ImageFolders folders,
      Snapshots snapshots,
      PartialBlobs partials) {
    this.layout = layout;
    this.store = store;
    this.layers = layers;
    this.folders = folders;
    this.snapshots = snapshots;
    this.partials = partials;
  }

  /** Returns everything, what is held and what is not. */
  List<StoreItem> list() {
    List<StoreItem> items = new ArrayList<>();
    layers.all().forEach(layer -> items.add(item("layer", layer)));
    layers.damaged().forEach(layer -> items.add(item("damaged layer", layer)));
    for (ImageRecord image : store.list()) {
      long bytes = folders.usage(image.id()).bytes();
      items.add(new StoreItem("documents", image.id(), bytes, List.of(name(image))));
    }
    addContent(items);
    addPartials(items);
    for (String key : snapshots.list()) {
      long bytes = usedBytes(layout.snapshots().resolve(key));
      items.add(new StoreItem("snapshot", key, bytes, List.of("container or volume " + key)));
    }
    for (Path file : ImageLayout.list(layout.trash())) {
      items.add(new StoreItem("trash", nameOf(file), usedBytes(file), List.of()));
    }
    return items;
  }

  private StoreItem item(String kind, Layer layer) {
    List<String> holders =
        layers.holders(layer.key()).stream().map(this::describe).distinct().sorted().toList();
    return new StoreItem(kind, layer.key(), layer.usedBytes(), holders);
  }

  private String describe(LayerHolder holder) {
    return switch (holder.kind()) {
      case IMAGE -> store.byId(holder.name()).map(StoreInventory::name).orElse(holder.name());
      case SNAPSHOT -> "snapshot " + holder.name();
      case WORK -> "work on " + holder.name();
    };
  }

  private static String name(ImageRecord image) {
    return "image "
        + (image.repoTags().isEmpty()
            ? image.repoDigests().stream().findFirst().orElse(image.id())
            : String.join(", ", image.repoTags()));
  }

  private void addContent(List<StoreItem> items) {
    Map<String, List<String>> holders = contentHolders();
    for (Path file : ImageLayout.list(layout.blobs())) {
      String hex = nameOf(file);
      items.add(
          new StoreItem("content", hex, usedBytes(file), holders.getOrDefault(hex, List.of())));
    }
  }

  private Map<String, List<String>> contentHolders() {
    Map<String, List<String>> holders = new HashMap<>();
    for (ImageRecord image : store.list()) {
      for (Descriptor layer : layersOf(image)) {
        holders.computeIfAbsent(layer.digest().hex(), _ -> new ArrayList<>()).add(name(image));
      }
    }
    return holders;
  }

  private List<Descriptor> layersOf(ImageRecord image) {
    return folders.manifest(image.id()).map(found -> found.manifest().layers()).orElse(List.of());
  }

  private void addPartials(List<StoreItem> items) {
    for (Path file : ImageLayout.list(layout.partial())) {
      List<String> holders = partials.isOwned(nameOf(file)) ? List.of("pull") : List.of();
      items.add(new StoreItem("partial download", nameOf(file), usedBytes(file), holders));
    }
  }

  private static long usedBytes(Path path) {
    try {
      return DiskUsage.of(path).bytes();
    } catch (NativeException e) {
      return 0; // it went meanwhile
    }
  }

  private static String nameOf(Path file) {
    return file.getFileName().toString();
  }
}
