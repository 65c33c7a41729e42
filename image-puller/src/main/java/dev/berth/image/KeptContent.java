package dev.berth.image;

import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.Optional;
import java.util.Set;

/**
 * Compressed layers as they came, a file {@code blobs/HEX} each: what {@code keep_content} keeps of
 * a pull, and what an archive that was loaded has brought, because nobody else may have it.
 *
 * <p>A blob is here as long as an image has it among its layers. It may be missing at any time; who
 * reads one checks its digest, so nothing here is synced. Thread-safe.
 */
final class KeptContent {
  private static final int SHA256_HEX = 64;

  private final Path directory;
  private final Trash trash;

  KeptContent(ImageLayout layout, Trash trash) {
    this.directory = layout.blobs();
    this.trash = trash;
  }

  /** Takes a complete file over; a blob that is here already stays. */
  void take(Path file, Digest digest) throws IOException {
    Files.move(file, of(digest), StandardCopyOption.ATOMIC_MOVE);
  }

  /** Returns what a file of {@link #files} is to be. */
  static Digest digestOf(Path file) {
    String hex = file.getFileName().toString();
    return Digest.parse((hex.length() == SHA256_HEX ? "sha256:" : "sha512:") + hex);
  }

  private Path of(Digest digest) {
    return directory.resolve(digest.hex());
  }

  boolean has(Descriptor blob) {
    try {
      return Files.exists(of(blob.digest())) && Files.size(of(blob.digest())) == blob.sizeBytes();
    } catch (IOException e) {
      return false; // it went meanwhile
    }
  }

  /** Opens a blob; empty if it is not here. The digest is for the reader to check. */
  Optional<InputStream> open(Descriptor blob) throws IOException {
    return has(blob) ? Optional.of(Files.newInputStream(of(blob.digest()))) : Optional.empty();
  }

  /** Throws a blob away that turned out to be wrong. */
  void drop(Digest digest) {
    trash.discard(of(digest));
  }

  List<Path> files() {
    return ImageLayout.list(directory);
  }

  /** Throws away what none of these digests names. */
  void retain(Set<Digest> wanted) {
    Set<String> names = Set.copyOf(wanted.stream().map(Digest::hex).toList());
    for (Path file : files()) {
      if (!names.contains(file.getFileName().toString())) {
        trash.discard(file);
      }
    }
  }
}
