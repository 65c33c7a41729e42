package dev.berth.image;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.image.archive.SavedImage;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.HostReport;
import dev.berth.image.registry.PushSession;
import dev.berth.image.registry.RegistryClient;
import java.nio.file.Path;
import java.util.List;
import java.util.Set;
import java.util.function.Supplier;

/**
 * Images in and out: archives are loaded and saved, registries pushed to. Nothing is ever
 * compressed again: what leaves the node has the digests that it came with. Of an index only the
 * manifest for this platform is on the node, and leaves it. Thread-safe.
 */
public final class ImageTransfers {
  private final ImageLayout layout;
  private final ImageStore store;
  private final Layers layers;
  private final ImageFolders folders;
  private final LayerFetcher fetcher;
  private final KeptContent content;
  private final RegistryClient registry;
  private final LoadImages.Recorder recorder;
  private final DiskSync sync;
  private final Set<Transfer> underWay;

  ImageTransfers(
      ImageLayout layout,
      ImageStore store,
      Layers layers,
      ImageFolders folders,
      LayerFetcher fetcher,
      KeptContent content,
      RegistryClient registry,
      LoadImages.Recorder recorder,
      DiskSync sync,
      Set<Transfer> underWay) {
    this.layout = layout;
    this.store = store;
    this.layers = layers;
    this.folders = folders;
    this.fetcher = fetcher;
    this.content = content;
    this.registry = registry;
    this.recorder = recorder;
    this.sync = sync;
    this.underWay = underWay;
  }

  /**
   * Writes images into an archive, layers as they came: from what was kept of them, or fetched by
   * digest from the registries they are from. The target appears when it is complete; a file that
   * is there is replaced.
   *
   * @param credentials for the registries
   * @throws BerthException NOT_FOUND if an image or a layer is to be had nowhere, ALREADY_EXISTS if
   *     a directory is there already
   */
  public void save(
      List<String> namesOrIds,
      Path target,
      ArchiveFormat format,
      Credentials credentials,
      Operation operation) {
    List<ImageRecord> images = namesOrIds.stream().map(this::require).toList();
    var blobs = new BlobSupply(content, registry, images, credentials);
    var transfer = new Transfer(target.toString(), "save");
    var _ =
        during(
            transfer,
            () -> {
              new SaveImages(folders).run(images, target, format, blobs, transfer, operation);
              return images;
            });
  }

  private <T> T during(Transfer transfer, Supplier<T> work) {
    underWay.add(transfer);
    try {
      return work.get();
    } finally {
      underWay.remove(transfer);
    }
  }

  private ImageRecord require(String nameOrId) {
    return store
        .find(nameOrId)
        .orElseThrow(() ->
            new BerthException(
                BerthException.Kind.NOT_FOUND,
                "no image " + Ids.printable(nameOrId) + " is present"));
  }

  /**
   * Takes the images for this platform from an archive: an OCI layout, in a directory or a tar
   * file, or what {@code docker save} writes; the file may be compressed. Their content is kept.
   *
   * @return the images, in the order of the archive
   * @throws BerthException INVALID_ARGUMENT naming what is wrong with the archive
   */
  public List<ImageRecord> load(Path archive, Operation operation) {
    var transfer = new Transfer(archive.toString(), "load");
    List<ImageRecord> loaded =
        during(
            transfer,
            () ->
                new LoadImages(layout, layers, fetcher, content, recorder)
                    .run(archive, transfer, operation));
    sync.start();
    return loaded;
  }

  /**
   * Pushes an image, layers as they came; see {@link #save} for where they come from. What the
   * registry has already is not sent again.
   *
   * @return bytes of layers that were sent
   */
  public long push(
      String nameOrId, ImageReference target, Credentials credentials, Operation operation) {
    ImageRecord image = require(nameOrId);
    var blobs = new BlobSupply(content, registry, List.of(image), credentials);
    SavedImage described = new SaveImages(folders).describe(image);
    var transfer = new Transfer(target.toString(), "push");
    transfer.expect(described.manifest().layers());
    return during(
        transfer,
        () -> {
          PushSession session = registry.openPush(target, credentials);
          new PushImage(target, session, transfer.counted(blobs), operation).run(image, described);
          return transfer.readBytes();
        });
  }

  /** Tells of each host of a registry, in the order in which they are asked for an image. */
  public List<HostReport> explain(
      ImageReference reference, Credentials credentials, Operation operation) {
    return registry.explain(reference, credentials, operation);
  }
}
