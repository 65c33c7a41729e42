package dev.berth.image;

import com.google.errorprone.annotations.concurrent.GuardedBy;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.unpack.LayerPipeline;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.time.Duration;
import java.time.Instant;
import java.util.HashSet;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.locks.ReentrantLock;
import org.jspecify.annotations.Nullable;

/**
 * Keeps what has arrived of a blob, so that a later pull goes on where a broken one stopped.
 *
 * <p>A file {@code HEX} holds the first bytes of the blob with that digest. It has one owner at a
 * time; a second fetch of the same blob goes without. What nobody came back for within a day is
 * removed at the next start. That the file cannot be written is no reason to fail a pull.
 *
 * <p>Thread-safe.
 */
final class PartialBlobs {
  /** Smaller blobs are fetched again faster than they are kept. */
  static final long MIN_BLOB_BYTES = 1024 * 1024;

  private static final System.Logger LOG = System.getLogger(PartialBlobs.class.getName());
  private static final Duration KEPT = Duration.ofDays(1);

  private final Path directory;
  private final ReentrantLock lock = new ReentrantLock();

  private final Optional<KeptContent> kept;

  @GuardedBy("lock") private final Set<String> owned = new HashSet<>();

  /** Complete blobs go to {@code kept}, if there is one, and are deleted otherwise. */
  PartialBlobs(ImageLayout layout, Optional<KeptContent> kept) {
    this.kept = kept;
    this.directory = layout.partial();
  }

  /** Removes files that are too old to be resumed. */
  void sweep() {
    for (Path file : ImageLayout.list(directory)) {
      try {
        if (Files.getLastModifiedTime(file).toInstant().isBefore(Instant.now().minus(KEPT))) {
          Files.deleteIfExists(file);
        }
      } catch (IOException e) {
        LOG.log(System.Logger.Level.WARNING, "cannot sweep " + file, e);
      }
    }
  }

  /** Whether someone fetches the blob of that name now. */
  boolean isOwned(String name) {
    lock.lock();
    try {
      return owned.contains(name);
    } finally {
      lock.unlock();
    }
  }

  /** Deletes what nobody fetches now; a later pull begins from the start. */
  void discardIdle() {
    lock.lock();
    try {
      for (Path file : ImageLayout.list(directory)) {
        if (!owned.contains(file.getFileName().toString())) {
          Files.deleteIfExists(file);
        }
      }
    } catch (IOException e) {
      throw ImageLayout.failed("empty", directory, e);
    } finally {
      lock.unlock();
    }
  }

  /** Takes the file of a blob; empty if it is not worth one or someone else has it. */
  Optional<Partial> claim(Descriptor blob) {
    if (blob.sizeBytes() < MIN_BLOB_BYTES && kept.isEmpty()) {
      return Optional.empty();
    }
    String name = blob.digest().hex();
    lock.lock();
    try {
      if (!owned.add(name)) {
        return Optional.empty();
      }
    } finally {
      lock.unlock();
    }
    return Optional.of(new Partial(directory.resolve(name), blob));
  }

  /** The file of one blob while someone fetches it. Not thread-safe. */
  final class Partial implements AutoCloseable, LayerPipeline.Tap {
    private final Path file;
    private final Descriptor blob;
    private long size;
    private long skip;
    private @Nullable OutputStream out;

    private Partial(Path file, Descriptor blob) {
      this.file = file;
      this.blob = blob;
    }

    /** Returns the bytes that are there, to be read before the rest is fetched. */
    InputStream stored() throws IOException {
      if (!Files.exists(file)) {
        return InputStream.nullInputStream();
      }
      size = Files.size(file);
      if (size > blob.sizeBytes()) {
        drop();
        return InputStream.nullInputStream();
      }
      skip = size;
      return Files.newInputStream(file);
    }

    /** How many bytes {@link #stored} will give. */
    long storedBytes() {
      return size;
    }

    /** Appends what is not there yet. */
    @Override
    public void accept(byte[] bytes, int length) {
      int from = (int) Math.min(skip, length);
      skip -= from;
      if (from == length) {
        return;
      }
      try {
        if (out == null) {
          out = Files.newOutputStream(file, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        }
        out.write(bytes, from, length - from);
      } catch (IOException e) {
        LOG.log(System.Logger.Level.WARNING, "cannot keep partial blob: {0}", e.getMessage());
        skip = Long.MAX_VALUE; // without a resume point the pull still works
        drop();
      }
    }

    /** Ends with a complete blob: the file is kept or deleted. */
    void complete() {
      close(out);
      out = null;
      try {
        if (kept.isPresent() && Files.exists(file) && Files.size(file) == blob.sizeBytes()) {
          kept.get().take(file, blob.digest());
        }
      } catch (IOException e) {
        LOG.log(System.Logger.Level.WARNING, "cannot keep " + file, e);
      }
      drop();
    }

    /** Deletes the file: it is not wanted any more, or these bytes are not of the blob. */
    void drop() {
      close(out);
      out = null;
      try {
        Files.deleteIfExists(file);
      } catch (IOException e) {
        LOG.log(System.Logger.Level.WARNING, "cannot delete " + file, e);
      }
    }

    /** Gives the file up, so that the next fetch can go on with it. Idempotent. */
    @Override
    public void close() {
      close(out);
      out = null;
      lock.lock();
      try {
        owned.remove(blob.digest().hex());
      } finally {
        lock.unlock();
      }
    }

    private void close(@Nullable OutputStream stream) {
      try {
        if (stream != null) {
          stream.close();
        }
      } catch (IOException e) {
        LOG.log(System.Logger.Level.WARNING, "cannot close " + file, e);
      }
    }
  }
}
