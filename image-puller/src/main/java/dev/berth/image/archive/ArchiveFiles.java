package dev.berth.image.archive;

import dev.berth.image.unpack.TarIndex;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Optional;

/** The files that an image archive is made of, by their relative names. */
sealed interface ArchiveFiles extends AutoCloseable {
  Optional<Long> sizeBytes(String name) throws IOException;

  InputStream open(String name, long offset) throws IOException;

  @Override
  void close() throws IOException;

  /** Those of a directory. */
  record Directory(Path root) implements ArchiveFiles {
    @Override
    public Optional<Long> sizeBytes(String name) throws IOException {
      Path file = root.resolve(name).normalize();
      boolean inside = file.startsWith(root.normalize());
      return inside && Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS)
          ? Optional.of(Files.size(file))
          : Optional.empty();
    }

    @Override
    public InputStream open(String name, long offset) throws IOException {
      if (sizeBytes(name).isEmpty()) {
        throw new IOException(root + " has no file " + name);
      }
      InputStream in = Files.newInputStream(root.resolve(name));
      in.skipNBytes(offset);
      return in;
    }

    @Override
    public void close() {
      // nothing is open
    }
  }

  /** Those of a tar archive. */
  record Tar(TarIndex index) implements ArchiveFiles {
    @Override
    public Optional<Long> sizeBytes(String name) {
      return index.sizeBytes(name);
    }

    @Override
    public InputStream open(String name, long offset) throws IOException {
      return index.open(name, offset);
    }

    @Override
    public void close() throws IOException {
      index.close();
    }
  }
}
