package dev.berth.image;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Documents;
import dev.berth.image.oci.Manifest;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.Stream;

/**
 * The folder {@code content/HEX} of each image: its manifests and configuration as they came, each
 * under the hex digits of its digest, and {@code image.json}, what the index knows of it.
 *
 * <p>An image whose folder has no {@code image.json} is none: it is written last and removed first.
 * Thread-safe as long as each image has one writer at a time.
 */
final class ImageFolders {
  private static final System.Logger LOG = System.getLogger(ImageFolders.class.getName());
  private static final String RECORD = "image.json";

  private final ImageLayout layout;
  private final Trash trash;
  private final Map<String, DiskUsage> measured = new ConcurrentHashMap<>();

  ImageFolders(ImageLayout layout, Trash trash) {
    this.layout = layout;
    this.trash = trash;
  }

  Path of(String id) {
    return layout.content().resolve(Digest.parse(id).hex());
  }

  /** Keeps documents as they came. */
  void keep(String id, Map<Digest, byte[]> documents) throws IOException {
    Path folder = Files.createDirectories(of(id));
    for (Map.Entry<Digest, byte[]> document : documents.entrySet()) {
      AtomicFiles.writeVolatile(folder.resolve(document.getKey().hex()), document.getValue());
    }
    measured.remove(id);
  }

  /** Returns a document as it came; empty if it is gone or not what its digest says. */
  Optional<byte[]> document(String id, Digest digest) {
    Path file = of(id).resolve(digest.hex());
    try {
      byte[] raw = Files.exists(file) ? Files.readAllBytes(file) : new byte[0];
      return digest.matches(raw) ? Optional.of(raw) : Optional.empty();
    } catch (IOException e) {
      throw ImageLayout.failed("read", file, e);
    }
  }

  /** Returns the digests of all documents of an image. */
  List<Digest> documents(String id) {
    Path folder = of(id);
    if (!Files.isDirectory(folder)) {
      return List.of();
    }
    return ImageLayout.list(folder).stream()
        .map(file -> file.getFileName().toString())
        .filter(name -> name.matches("[0-9a-f]{64}|[0-9a-f]{128}"))
        .map(name -> new Digest(name.length() == 64 ? "sha256" : "sha512", name))
        .toList();
  }

  /**
   * Writes down what the index knows. That it cannot is no reason to fail a pull that has been
   * recorded; the next start tries again.
   */
  void describe(ImageRecord image) {
    Path file = of(image.id()).resolve(RECORD);
    byte[] wanted = ImageJson.encode(image);
    try {
      if (!Files.exists(file) || !Arrays.equals(Files.readAllBytes(file), wanted)) {
        Files.createDirectories(of(image.id()));
        AtomicFiles.writeVolatile(file, wanted);
        measured.remove(image.id());
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "cannot describe image " + image.id(), e);
    }
  }

  /** Returns what the folders say of their images; what makes no sense is left out and logged. */
  List<ImageRecord> described() {
    return ImageLayout.list(layout.content()).stream().flatMap(ImageFolders::described).toList();
  }

  private static Stream<ImageRecord> described(Path folder) {
    Path file = folder.resolve(RECORD);
    try {
      if (Files.exists(file)) {
        ImageRecord image = ImageJson.decode(Files.readAllBytes(file));
        if (Digest.parse(image.id()).hex().equals(folder.getFileName().toString())) {
          return Stream.of(image);
        }
        throw new IOException("it is of " + image.id());
      }
    } catch (IOException e) {
      LOG.log(System.Logger.Level.WARNING, "{0}: {1}", file, e.getMessage());
    }
    return Stream.empty();
  }

  /** Takes the description away, so that no lost index brings the image back. */
  void forget(String id) {
    Path file = of(id).resolve(RECORD);
    try {
      Files.deleteIfExists(file);
    } catch (IOException e) {
      throw ImageLayout.failed("remove", file, e);
    }
  }

  /** Throws an image's folder away. Idempotent. */
  void discard(String id) {
    trash.discard(of(id));
    measured.remove(id);
  }

  /** What an image's folder takes on disk; measured when it has changed. */
  DiskUsage usage(String id) {
    return measured.computeIfAbsent(id, key -> DiskUsage.of(of(key)));
  }

  /** Returns the manifest of an image as it came, whatever index led to it; empty if it is gone. */
  Optional<StoredManifest> manifest(String id) {
    return documents(id).stream().flatMap(digest -> manifest(id, digest).stream()).findFirst();
  }

  private Optional<StoredManifest> manifest(String id, Digest digest) {
    return document(id, digest)
        .flatMap(raw -> {
          try {
            return Documents.parseManifest(raw, null) instanceof Manifest manifest
                    && isOf(id, digest, manifest)
                ? Optional.of(new StoredManifest(digest, raw, manifest))
                : Optional.empty();
          } catch (BerthException e) {
            return Optional.empty();
          }
        });
  }

  /** The id of an artifact is the digest of its manifest, as its configuration is no one's own. */
  private static boolean isOf(String id, Digest digest, Manifest manifest) {
    return (manifest.isArtifact() ? digest : manifest.config().digest()).toString().equals(id);
  }

  /** Throws away what belongs to no image. */
  void sweep(ImageStore store) {
    for (Path folder : ImageLayout.list(layout.content())) {
      if (store.byId("sha256:" + folder.getFileName()).isEmpty()) {
        trash.discard(folder);
      }
    }
  }
}
