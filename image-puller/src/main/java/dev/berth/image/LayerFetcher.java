package dev.berth.image;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.base.SingleFlight;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.registry.BlobStream;
import dev.berth.image.unpack.LayerPipeline;
import dev.berth.image.unpack.SidecarMerge;
import dev.berth.image.unpack.UnpackLimits;
import dev.berth.image.unpack.UnpackedLayer;
import java.io.IOException;
import java.io.InputStream;
import java.io.SequenceInputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.concurrent.Semaphore;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicLong;

/**
 * Makes sure that the layers of an image are there, fetching and unpacking those that are not.
 *
 * <p>Pulls that need the same layer at the same time share one flight, keyed by chain id. The
 * flight uses the session of whoever started it; if that one is refused or unreachable, the others
 * do not fail with it but start a flight of their own.
 *
 * <p>Layers are independent of each other until one turns out to have a sidecar: it then waits, in
 * its flight, for those below. Callers hold the keys of the layers they ask for. Thread-safe.
 */
final class LayerFetcher {
  private static final int LAYERS_AT_ONCE = 4;
  private static final long TICK_MILLIS = 50;

  /** Less than this is there before further connections would be. */
  private static final long MIN_RANGED_BYTES = 16 << 20;

  /** Connections that ranges may take, besides one per layer; see the bound per host of Http. */
  private static final int MAX_RANGE_CONNECTIONS = 12;

  private final Layers layers;
  private final PartialBlobs partials;
  private final UnpackLimits limits;
  private final SingleFlight<Digest, Layer> flights = new SingleFlight<>();
  private final Semaphore slots = new Semaphore(LAYERS_AT_ONCE);
  private final Semaphore rangeBudget = new Semaphore(MAX_RANGE_CONNECTIONS);
  private final Map<Digest, AtomicLong> received = new ConcurrentHashMap<>();

  LayerFetcher(Layers layers, PartialBlobs partials, UnpackLimits limits) {
    this.layers = layers;
    this.partials = partials;
    this.limits = limits;
  }

  /**
   * A layer as its image describes it.
   *
   * @param file name of the file that the blob is, if it is no archive
   */
  record Wanted(Descriptor blob, Digest diffId, Digest chainId, Optional<String> file) {
    List<String> keys() {
      return List.of(Layer.keyOfDiff(diffId), Layer.keyOfChain(chainId));
    }
  }

  /** Compressed bytes that have arrived of a blob in flight; 0 if it is not in flight. */
  long receivedBytes(Digest blob) {
    AtomicLong count = received.get(blob);
    return count == null ? 0 : count.get();
  }

  /** How many pulls wait for a layer now. */
  int callers(Digest chainId) {
    return flights.callers(chainId);
  }

  Optional<Layer> present(Wanted wanted) {
    return wanted.keys().stream().flatMap(key -> layers.find(key).stream()).findFirst();
  }

  /**
   * Returns one layer of an image, making it if need be.
   *
   * @param image all its layers, the lowest first
   * @param index of the wanted one
   */
  Layer obtain(BlobSource session, List<Wanted> image, int index, Operation caller) {
    Wanted wanted = image.get(index);
    while (true) {
      Optional<Layer> present = present(wanted);
      if (present.isPresent()) {
        return present.get();
      }
      var mine = new AtomicBoolean();
      try {
        return flights.join(
            wanted.chainId(),
            caller,
            flight -> {
              mine.set(true);
              return make(session, image, index, flight);
            });
      } catch (BerthException e) {
        caller.check();
        if (mine.get()) {
          throw e;
        }
        // Another pull's credentials or registry failed: try with ours.
      }
    }
  }

  private Layer make(BlobSource session, List<Wanted> image, int index, Operation flight)
      throws IOException {
    Wanted wanted = image.get(index);
    Optional<Layer> present = present(wanted);
    if (present.isPresent()) {
      return present.get(); // it came while this flight was boarding
    }
    flight.enter(PullStage.FETCH_LAYER);
    Path staged = layers.stage();
    try {
      UnpackedLayer unpacked = fetch(session, wanted, staged, flight);
      String key = Layer.keyOfDiff(wanted.diffId());
      if (!unpacked.sidecar().isEmpty()) {
        key = Layer.keyOfChain(wanted.chainId());
        List<Path> below = below(session, image, index, flight);
        merge(wanted, staged.resolve("fs"), below, unpacked);
      }
      flight.enter(PullStage.COMMIT);
      Layer layer = layers.commit(staged, key, unpacked);
      if (flight.isCancelled()) {
        layers.collect(key); // nobody is left who would
      }
      return layer;
    } catch (IOException | RuntimeException e) {
      layers.unstage(staged);
      throw e;
    }
  }

  private static void merge(
      Wanted wanted, Path directory, List<Path> below, UnpackedLayer unpacked) {
    try {
      SidecarMerge.run(directory, below, unpacked.sidecar());
    } catch (BerthException e) {
      throw e.during("layer " + wanted.blob().digest());
    }
  }

  private UnpackedLayer fetch(BlobSource session, Wanted wanted, Path staged, Operation flight)
      throws IOException {
    acquireSlot(flight);
    Descriptor blob = wanted.blob();
    AtomicLong count = received.computeIfAbsent(blob.digest(), _ -> new AtomicLong());
    Optional<PartialBlobs.Partial> partial = partials.claim(blob);
    try {
      InputStream source = source(session, blob, partial, staged, flight);
      enterUnpack(flight, source);
      var pipeline = new LayerPipeline(blob, wanted.diffId(), limits, flight);
      LayerPipeline.Tap tap =
          (bytes, length) -> {
            count.addAndGet(length);
            partial.ifPresent(p -> p.accept(bytes, length));
          };
      Path directory = staged.resolve("fs");
      UnpackedLayer unpacked =
          wanted.file().isPresent()
              ? pipeline.runToFile(source, tap, directory, wanted.file().get())
              : pipeline.run(source, tap, directory);
      partial.ifPresent(PartialBlobs.Partial::complete);
      return unpacked;
    } catch (BerthException e) {
      if (e.kind() == BerthException.Kind.INVALID_ARGUMENT) {
        partial.ifPresent(PartialBlobs.Partial::drop); // these bytes will never be right
      }
      throw e;
    } finally {
      partial.ifPresent(PartialBlobs.Partial::close);
      received.remove(blob.digest(), count);
      slots.release();
    }
  }

  /** From here on the pipeline closes the source. */
  private static void enterUnpack(Operation flight, InputStream source) throws IOException {
    try {
      flight.enter(PullStage.UNPACK);
    } catch (BerthException e) {
      source.close();
      throw e;
    }
  }

  private InputStream source(
      BlobSource session,
      Descriptor blob,
      Optional<PartialBlobs.Partial> partial,
      Path staged,
      Operation flight)
      throws IOException {
    if (partial.isEmpty()) {
      return rest(session, blob, 0, staged, flight);
    }
    InputStream stored = partial.get().stored();
    return new SequenceInputStream(
        stored, rest(session, blob, partial.get().storedBytes(), staged, flight));
  }

  /** Large blobs may come over several connections, if their server gives ranges. */
  private InputStream rest(
      BlobSource session, Descriptor blob, long offset, Path staged, Operation flight)
      throws IOException {
    InputStream rest = session.openBlob(blob, offset, flight);
    return rest instanceof BlobStream stream && blob.sizeBytes() - offset >= MIN_RANGED_BYTES
        ? new RangedBlob(
            blob,
            stream,
            offset,
            from -> session.openBlob(blob, from, flight),
            staged,
            rangeBudget,
            flight)
        : rest;
  }

  private void acquireSlot(Operation flight) {
    try {
      do {
        flight.check();
      } while (!slots.tryAcquire(TICK_MILLIS, TimeUnit.MILLISECONDS));
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(BerthException.Kind.CANCELLED, "interrupted before a layer", e);
    }
  }

  /** Waits for the layers below one; returns their directories, the highest first. */
  private List<Path> below(BlobSource session, List<Wanted> image, int index, Operation flight) {
    List<Path> below = new ArrayList<>();
    for (int i = index - 1; i >= 0; i--) {
      Layer layer = obtain(session, image, i, flight);
      below.add(layer.directory());
      if (layer.opaqueRoot()) {
        break;
      }
    }
    return below;
  }
}
