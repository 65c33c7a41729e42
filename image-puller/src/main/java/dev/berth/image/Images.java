package dev.berth.image;

import dev.berth.base.BerthException;
import dev.berth.base.MetadataStore;
import dev.berth.base.Operation;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.ImageReference;
import dev.berth.image.policy.PolicyCheck;
import dev.berth.image.registry.Credentials;
import dev.berth.image.registry.RegistryClient;
import dev.berth.image.registry.RegistrySettings;
import dev.berth.image.unpack.Codecs;
import dev.berth.image.unpack.LayerStack;
import dev.berth.image.unpack.UnpackLimits;
import java.io.IOException;
import java.nio.file.Path;
import java.time.Clock;
import java.time.Instant;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The images of this node: pulling, finding, removing, and the root file systems made of them.
 *
 * <p>Durable: what was pulled is there after a restart, and after a power loss it is either whole
 * or gone. A pull that fails leaves nothing but the partial files it may resume from. Thread-safe.
 */
public final class Images implements AutoCloseable {
  private final ImageLayout layout;
  private final ImageFolders folders;
  private final Layers layers;
  private final Trash trash;
  private final DiskSync sync;
  private final ImageStore store;
  private final SnapshotUsage written;
  private final StoreSettings settings;
  private final PolicyCheck policy;
  private final KeptContent content;
  private final PartialBlobs partials;
  private final LayerFetcher fetcher;
  private final RegistryClient registry;
  private final Snapshots snapshots;
  private final Set<PullImage> pulls = ConcurrentHashMap.newKeySet();
  private final Set<Transfer> transfers = ConcurrentHashMap.newKeySet();

  private Images(
      ImageLayout layout,
      Trash trash,
      Layers layers,
      MetadataStore records,
      RegistrySettings registries,
      StoreSettings settings) {
    this.layout = layout;
    this.trash = trash;
    this.layers = layers;
    this.sync = new DiskSync(layout, layers);
    this.folders = new ImageFolders(layout, trash);
    this.store = ImageStore.load(records, layers, folders);
    this.snapshots = Snapshots.load(records, layout, layers, trash);
    this.registry = new RegistryClient(registries);
    this.written = new SnapshotUsage(snapshots, Clock.systemUTC());
    this.settings = settings;
    this.policy = new PolicyCheck(settings.policyFile());
    this.content = new KeptContent(layout, trash);
    this.partials =
        new PartialBlobs(layout, settings.keepContent() ? Optional.of(content) : Optional.empty());
    partials.sweep();
    this.fetcher = new LayerFetcher(layers, partials, UnpackLimits.DEFAULT);
  }

  /**
   * Opens the image store and sweeps up what a crash left behind.
   *
   * @param root directory of its own, created with mode 0700; its path must not hold a colon, a
   *     comma, a backslash or a blank, which separate mount options
   * @param records where images and snapshots are recorded; stays the caller's to close
   * @param registries how registries are reached
   * @param settings what is kept, pinned and accepted
   */
  public static Images open(
      Path root, MetadataStore records, RegistrySettings registries, StoreSettings settings) {
    try {
      ImageLayout layout = ImageLayout.create(root);
      var trash = new Trash(layout);
      var images =
          new Images(layout, trash, Layers.load(layout, trash), records, registries, settings);
      images.sweep();
      return images;
    } catch (IOException e) {
      throw ImageLayout.failed("open image store", root, e);
    }
  }

  /** Opens the image store as above; images are kept and accepted as usual. */
  public static Images open(Path root, MetadataStore records, RegistrySettings registries) {
    return open(root, records, registries, StoreSettings.DEFAULT);
  }

  /**
   * Opens the image store as above, with the usual settings.
   *
   * @param hostsDir where {@code HOST/hosts.toml} files are, as containerd has them; need not exist
   */
  public static Images open(Path root, MetadataStore records, Path hostsDir) {
    return open(root, records, RegistrySettings.of(hostsDir));
  }

  private void sweep() {
    layers.collectAll();
    content.retain(contentInUse());
    folders.sweep(store);
    trash.empty();
    if (!layers.unsynced().isEmpty()) {
      sync.start();
    }
  }

  /**
   * Pulls an image, or refreshes its names if it is here. The manifest is always fetched with the
   * caller's credentials. See {@link PullStage} for the stages entered on {@code operation}; its
   * deadline and cancellation end this call only, other pulls of the same layers go on.
   *
   * @return the image with all its names
   * @throws BerthException NOT_FOUND if the registry has no such image or not for this platform,
   *     FAILED_PRECONDITION if it does not let the caller in, INVALID_ARGUMENT if the content is
   *     not what it claims to be, RESOURCE_EXHAUSTED if a bound or the disk is reached, and
   *     KUBELET_REASON with a message beginning {@code RegistryUnavailable: } if the registry
   *     cannot be reached, and {@code SignatureValidationFailed: } if the image policy refuses it
   */
  public ImageRecord pull(ImageReference reference, Credentials credentials, Operation operation) {
    var pull = new PullImage(reference, operation);
    pulls.add(pull);
    try {
      return run(pull, credentials);
    } catch (BerthException e) {
      operation.check(); // a cancelled pull fails in many ways
      throw PullImage.named(reference, e);
    } finally {
      pulls.remove(pull);
    }
  }

  private ImageRecord run(PullImage pull, Credentials credentials) {
    PullImage.Resolved resolved = pull.resolve(registry, credentials);
    pull.operation().enter(PullStage.CHECK_POLICY);
    policy.enforce(pull.reference(), resolved.manifests(), resolved.session(), pull.operation());
    List<String> keys =
        resolved.layers().stream().flatMap(wanted -> wanted.keys().stream()).toList();
    pull.operation().enter(PullStage.FETCH_LAYERS);
    try (Layers.Hold _ = layers.hold(LayerHolder.work(pull.reference().toString()), keys)) {
      List<Layer> present =
          new ParallelLayers(fetcher)
              .obtain(resolved.session(), resolved.layers(), pull.operation());
      if (settings.durablePulls()) {
        sync.await(present, pull.operation());
      }
      pull.operation().enter(PullStage.RECORD);
      ImageRecord image = record(resolved, present);
      sync.start();
      return image;
    }
  }

  private ImageRecord record(PullImage.Resolved resolved, List<Layer> present) {
    ImageRecord found = resolved.record();
    var complete =
        new ImageRecord(
            found.id(),
            found.repoTags(),
            found.repoDigests(),
            found.sizeBytes(),
            found.config(),
            present.stream().map(Layer::key).toList(),
            found.pulledAt());
    return record(complete, resolved.content());
  }

  private ImageRecord record(ImageRecord complete, Map<Digest, byte[]> documents) {
    boolean known = store.byId(complete.id()).isPresent();
    try {
      folders.keep(complete.id(), documents);
      return store.record(complete);
    } catch (IOException | RuntimeException e) {
      if (!known) {
        folders.discard(complete.id());
      }
      throw e instanceof IOException io
          ? ImageLayout.failed("write", folders.of(complete.id()), io)
          : (RuntimeException) e;
    }
  }

  /**
   * Finds an image by id, tag, digest, short name or the first digits of its id. One with a layer
   * that was found damaged is not there until it is pulled again.
   *
   * @throws BerthException FAILED_PRECONDITION if a short id fits several images
   */
  public Optional<ImageRecord> find(String nameOrId) {
    return store.find(nameOrId).filter(this::isWhole);
  }

  /** Finds an image as {@link #find} does, but one with a damaged layer, too. */
  public Optional<ImageRecord> findAny(String nameOrId) {
    return store.find(nameOrId);
  }

  private boolean isWhole(ImageRecord image) {
    return image.layers().stream().allMatch(key -> layers.find(key).isPresent());
  }

  /**
   * Compares an image, or for an empty name all there is, with what was written down when it came;
   * reads every byte. A damaged layer is out of use from then on: {@link #find} does not find its
   * images, and the next pull of one fetches it again.
   *
   * @throws BerthException NOT_FOUND if there is no such image
   */
  public List<CheckedPart> verify(String nameOrId, Operation operation) {
    return new StoreCheck(store, layers, folders, content).run(nameOrId, operation);
  }

  /**
   * Chooses in the background how layers are hashed and decompressed, which the log then tells with
   * the speed of each; else the first pull does so.
   */
  public void chooseCodecs() {
    Thread.ofPlatform().daemon().name("codec-trial").start(Codecs::choose);
  }

  /** Returns all images, the oldest first. */
  public List<ImageRecord> list() {
    return store.list();
  }

  /**
   * Removes an image with all its names, tags and digests of all repositories. Idempotent. The
   * names are free at once; layers that a container still uses stay until its snapshot goes.
   * Returns when the bytes that nobody uses any more are free.
   *
   * @param operation ends the wait for the bytes; the image is removed all the same
   */
  public void remove(String nameOrId, Operation operation) {
    if (store.remove(nameOrId).isPresent()) {
      content.retain(contentInUse());
      trash.awaitEmpty(operation);
    }
  }

  private Set<Digest> contentInUse() {
    if (content.files().isEmpty()) {
      return Set.of();
    }
    Stream<Digest> ofImages =
        store.list().stream()
            .flatMap(image -> folders.manifest(image.id()).stream())
            .flatMap(manifest -> manifest.manifest().layers().stream())
            .map(Descriptor::digest);
    Stream<Digest> ofPulls =
        pulls.stream()
            .flatMap(pull -> pull.wanted().stream())
            .map(wanted -> wanted.blob().digest());
    return Stream.concat(ofImages, ofPulls).collect(Collectors.toSet());
  }

  /**
   * Gives an image one more name; an image that had it loses it. Idempotent.
   *
   * @param name with a tag
   * @throws BerthException NOT_FOUND if there is no such image, INVALID_ARGUMENT if the name has a
   *     digest
   */
  public ImageRecord tag(String nameOrId, ImageReference name) {
    if (name.tag() == null) {
      throw new BerthException(
          BerthException.Kind.INVALID_ARGUMENT, "tag: " + name + " has a digest in place of a tag");
    }
    return store.tag(nameOrId, name.toString());
  }

  /** Whether an image is not to be removed for want of space: one of its names is pinned. */
  public boolean isPinned(ImageRecord image) {
    return settings.pinned().stream()
        .map(NamePattern::new)
        .anyMatch(pattern ->
            image.repoTags().stream().anyMatch(pattern::matches)
                || image.repoDigests().stream().anyMatch(pattern::matches));
  }

  /** Lists all that takes space in the store and who needs it, garbage included. */
  public List<StoreItem> inventory() {
    var inventory = new StoreInventory(layout, store, layers, folders, snapshots, partials);
    return PlatformCall.run("store-inventory", inventory::list);
  }

  /**
   * Deletes what nobody needs: broken downloads that no pull goes on with, content and layers of no
   * image, what is in the trash. Returns when it is gone.
   *
   * @return what was there to delete
   */
  public List<StoreItem> collectGarbage(Operation operation) {
    List<StoreItem> garbage = inventory().stream().filter(StoreItem::isGarbage).toList();
    partials.discardIdle();
    layers.collectAll();
    content.retain(contentInUse());
    trash.awaitEmpty(operation);
    return garbage;
  }

  /**
   * What images take on disk: their unpacked layers, their documents and what is kept of their
   * content. Layers are measured once, documents when they change; exact for layers that are known
   * to be on the disk, an estimate in the moments before.
   */
  public FsUsage usage() {
    long bytes = 0;
    long inodes = 0;
    for (Layer layer : layers.all()) {
      bytes += layer.usedBytes();
      inodes += layer.inodes();
    }
    for (ImageRecord image : store.list()) {
      DiskUsage documents = folders.usage(image.id());
      bytes += documents.bytes();
      inodes += documents.inodes();
    }
    for (Path file : content.files()) {
      DiskUsage blob = DiskUsage.of(file);
      bytes += blob.bytes();
      inodes += blob.inodes();
    }
    return new FsUsage(layout.root(), bytes, inodes, Instant.now());
  }

  /**
   * What containers have written, all together. Their trees are walked, each at most every ten
   * seconds.
   */
  public FsUsage containerUsage() {
    return PlatformCall.run("snapshot-usage", written::total);
  }

  /** How many pulls share the making of a layer now. */
  int pullsOfLayer(Digest chainId) {
    return fetcher.callers(chainId);
  }

  /** The pulls under way, and what is saved, loaded and pushed. */
  public List<PullProgress> pulls() {
    return Stream.concat(
            pulls.stream().map(this::progress), transfers.stream().map(Transfer::progress))
        .toList();
  }

  private PullProgress progress(PullImage pull) {
    Enum<?> stage = pull.stage();
    return new PullProgress(
        pull.reference().toString(),
        stage == null ? "" : stage.name().toLowerCase(Locale.ROOT),
        pull.wanted().stream().map(this::progress).collect(Collectors.toList()));
  }

  private PullProgress.LayerProgress progress(LayerFetcher.Wanted wanted) {
    boolean done = fetcher.present(wanted).isPresent();
    long total = wanted.blob().sizeBytes();
    long received = done ? total : fetcher.receivedBytes(wanted.blob().digest());
    return new PullProgress.LayerProgress(wanted.blob().digest().toString(), received, total, done);
  }

  /** Images in and out by other ways than a pull. */
  public ImageTransfers transfers() {
    return new ImageTransfers(
        layout, store, layers, folders, fetcher, content, registry, this::record, sync, transfers);
  }

  /** The root file systems made of these images. */
  public Snapshots snapshots() {
    return snapshots;
  }

  /**
   * Reads a file of an image, such as {@code /etc/passwd}, following symbolic links inside the
   * image only.
   *
   * @return empty if the image has no such regular file
   * @throws BerthException INVALID_ARGUMENT if it is larger than {@code maxBytes}, NOT_FOUND if the
   *     image was removed
   */
  public Optional<byte[]> readFile(ImageRecord image, String path, int maxBytes) {
    try (Layers.Hold _ = layers.hold(LayerHolder.work("file of " + image.id()), image.layers());
        var stack = new LayerStack(snapshots.lowerDirectories(image.layers()))) {
      return stack.readFile(path, maxBytes);
    }
  }

  /**
   * Returns the configuration blob of an image as it came, for verbose answers; empty if it is
   * gone.
   */
  public Optional<byte[]> rawConfig(ImageRecord image) {
    return folders.document(image.id(), Digest.parse(image.id()));
  }

  /**
   * Closes the connections to registries and ends work in the background. Pulls under way fail.
   * Idempotent.
   */
  @Override
  public void close() {
    registry.close();
    sync.close();
    trash.close();
  }
}
