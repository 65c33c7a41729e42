package dev.berth.image;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.HostReport;
import dev.berth.image.registry.RegistryClient;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Images in and out: archives are loaded and saved, registries pushed to. Nothing is ever
 * compressed again: what leaves the node has the digests that it came with. Thread-safe.
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

  ImageTransfers(
      ImageLayout layout,
      ImageStore store,
      Layers layers,
      ImageFolders folders,
      LayerFetcher fetcher,
      KeptContent content,
      RegistryClient registry,
      LoadImages.Recorder recorder,
      DiskSync sync) {
    this.layout = layout;
    this.store = store;
    this.layers = layers;
    this.folders = folders;
    this.fetcher = fetcher;
    this.content = content;
    this.registry = registry;
    this.recorder = recorder;
    this.sync = sync;
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
    new SaveImages(folders).run(images, target, format, blobs, operation);
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
    List<ImageRecord> loaded =
        new LoadImages(layout, layers, fetcher, content, recorder).run(archive, operation);
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
    var sent = new AtomicLong();
    new PushImage(target, registry.openPush(target, credentials), blobs, operation)
        .run(image, new SaveImages(folders).describe(image), sent);
    return sent.get();
  }

  /** Tells of each host of a registry, in the order in which they are asked for an image. */
  public List<HostReport> explain(
      ImageReference reference, Credentials credentials, Operation operation) {
    return registry.explain(reference, credentials, operation);
  }
}
