package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.KUBELET_REASON;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.FutureTask;
import java.util.concurrent.atomic.AtomicLong;
import org.jspecify.annotations.Nullable;

/**
 * Streams one layer from its source into a directory: source, sha256 of the compressed bytes,
 * decompression, sha256 of the uncompressed ones, unpacking.
 *
 * <p>One platform thread fetches and hashes, another decompresses, hashes and unpacks; a large
 * layer has a third one for decompressing. Hashing and inflating would hold on to the carriers that
 * virtual threads share, and unpacking makes native calls. The result counts only when both digests
 * and the size are right; until then the directory is nothing but a hope.
 */
public final class LayerPipeline {
  /** Takes the compressed bytes as they arrive; for the partial file and for progress. */
  public interface Tap {
    void accept(byte[] bytes, int length);
  }

  /** What becomes of the bytes. */
  private interface Sink {
    UnpackedLayer take(ChunkPipe pipe, AtomicLong received) throws IOException;
  }

  /** A smaller layer is done before a third thread pays. */
  private static final long LARGE_BYTES = 8 << 20;

  private final Descriptor blob;
  private final Digest diffId;
  private final UnpackLimits limits;
  private final Operation operation;
  private volatile boolean hopeless;

  /**
   * Prepares the pipeline for one layer.
   *
   * @param diffId digest the uncompressed layer must have
   * @param operation ends the threads when it is cancelled
   */
  public LayerPipeline(Descriptor blob, Digest diffId, UnpackLimits limits, Operation operation) {
    this.blob = blob;
    this.diffId = diffId;
    this.limits = limits;
    this.operation = operation;
  }

  /**
   * Runs the layer through. Returns when all threads have ended, whatever happened.
   *
   * @param source of the compressed bytes; closed here
   * @param directory empty and private
   * @throws BerthException INVALID_ARGUMENT naming the layer and what is wrong with it
   */
  public UnpackedLayer run(InputStream source, Tap tap, Path directory) {
    return run(source, tap, (pipe, received) -> unpack(pipe, received, directory));
  }

  /**
   * Writes the blob as it comes to a file of that name, one character per byte; otherwise the same.
   */
  public UnpackedLayer runToFile(InputStream source, Tap tap, Path directory, String name) {
    return run(source, tap, (pipe, _) -> store(pipe, directory, name));
  }

  private UnpackedLayer run(InputStream source, Tap tap, Sink sink) {
    var pipe = new ChunkPipe(operation);
    var received = new AtomicLong();
    var fetch =
        new FutureTask<@Nullable Void>(() -> {
          fetch(source, tap, pipe, received);
          return null;
        });
    var unpack = new FutureTask<>(() -> sink.take(pipe, received));
    Thread fetcher = Thread.ofPlatform().daemon().name("layer-fetch").start(fetch);
    Thread unpacker = Thread.ofPlatform().daemon().name("layer-unpack").start(unpack);
    PlatformTask.join(fetcher);
    PlatformTask.join(unpacker);
    return outcome(fetch, unpack);
  }

  private void fetch(InputStream source, Tap tap, ChunkPipe pipe, AtomicLong received)
      throws IOException {
    try (source;
        ContentHash hash = Codecs.newHash(blob.digest())) {
      byte[] spare = new byte[0];
      while (!hopeless) {
        operation.check();
        byte[] chunk = pipe.takeEmpty();
        boolean wanted = chunk != null;
        if (chunk == null) { // unpacking failed: read on, for a wrong digest explains why
          spare = spare.length == 0 ? new byte[ChunkPipe.CHUNK_BYTES] : spare;
          chunk = spare;
        }
        int length = source.readNBytes(chunk, 0, chunk.length);
        if (length == 0) {
          break;
        }
        hash.update(chunk, 0, length);
        requireSize(received.addAndGet(length), false);
        tap.accept(chunk, length);
        if (wanted) {
          pipe.publish(chunk, length);
        }
      }
      if (!hopeless) {
        requireSize(received.get(), true);
        requireDigest("content", blob.digest(), hash);
      }
    } finally {
      pipe.end();
    }
  }

  private void requireSize(long received, boolean complete) {
    if (received > blob.sizeBytes() || (complete && received < blob.sizeBytes())) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "the content is "
              + (complete ? "shorter" : "longer")
              + " than the "
              + blob.sizeBytes()
              + " bytes its descriptor says");
    }
  }

  private static void requireDigest(String what, Digest expected, ContentHash hash) {
    Digest actual = hash.digest();
    if (!actual.equals(expected)) {
      throw new BerthException(
          INVALID_ARGUMENT, "the " + what + " has digest " + actual + ", not " + expected);
    }
  }

  private UnpackedLayer store(ChunkPipe pipe, Path directory, String name) throws IOException {
    try (InputStream content = pipe.reader()) {
      return ArtifactFile.write(content, directory, name, operation);
    } catch (BerthException e) {
      hopeless = true; // a full disk
      throw e;
    }
  }

  private UnpackedLayer unpack(ChunkPipe pipe, AtomicLong received, Path directory)
      throws IOException {
    try (ContentHash hash = Codecs.newHash(diffId);
        InputStream compressed = pipe.reader();
        InputStream plain = plain(compressed);
        var metered = new MeteredStream(plain, hash, limits, received::get);
        var unpacker = new LayerUnpacker(directory, limits)) {
      UnpackedLayer layer = unpacker.unpack(metered, operation);
      metered.drain();
      requireDigest("uncompressed content", diffId, hash);
      return layer;
    } catch (BerthException e) {
      hopeless = e.kind() != INVALID_ARGUMENT; // a full disk: the digest does not matter any more
      throw e;
    }
  }

  private InputStream plain(InputStream compressed) throws IOException {
    return blob.sizeBytes() < LARGE_BYTES
        ? Decompression.of(compressed)
        : new AheadStream(compressed, operation);
  }

  /** A failure to fetch explains a failure to unpack, not the other way round. */
  private UnpackedLayer outcome(
      FutureTask<@Nullable Void> fetch, FutureTask<UnpackedLayer> unpack) {
    try {
      get(fetch);
      return get(unpack);
    } catch (BerthException e) {
      // What the kubelet reads must stay at the beginning of the message.
      throw e.kind() == KUBELET_REASON ? e : e.during("layer " + blob.digest());
    }
  }

  private static <T extends @Nullable Object> T get(FutureTask<T> task) {
    try {
      return task.get();
    } catch (ExecutionException e) {
      switch (e.getCause()) {
        case BerthException failure -> throw failure;
        case IOException broken ->
            throw new BerthException(
                KUBELET_REASON, "RegistryUnavailable: " + broken.getMessage(), broken);
        case null, default ->
            throw new BerthException(INTERNAL, "unpacking failed: " + e.getCause(), e);
      }
    } catch (InterruptedException e) {
      Thread.currentThread().interrupt();
      throw new BerthException(BerthException.Kind.CANCELLED, "interrupted", e);
    }
  }
}
