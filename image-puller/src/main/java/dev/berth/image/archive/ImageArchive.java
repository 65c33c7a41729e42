package dev.berth.image.archive;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;
import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.Descriptor;
import dev.berth.image.oci.Digest;
import dev.berth.image.oci.Platform;
import dev.berth.image.unpack.TarIndex;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;

/**
 * Images in a file or directory that somebody made; nothing in it is trusted. Whether it is an OCI
 * layout or an archive of {@code docker save} is seen by what it holds; one that is both, as newer
 * Dockers write them, is read as the former. Thread-safe.
 */
public final class ImageArchive implements AutoCloseable {
  private final ArchiveFiles files;
  private final List<ArchivedImage> images;

  private ImageArchive(ArchiveFiles files, List<ArchivedImage> images) {
    this.files = files;
    this.images = List.copyOf(images);
  }

  /**
   * Opens a directory, or a tar archive that may be compressed by gzip or zstd.
   *
   * @param scratch directory for a decompressed copy
   * @throws BerthException NOT_FOUND if there is no such file, INVALID_ARGUMENT if it is no archive
   *     of images
   */
  public static ImageArchive open(Path path, Path scratch) throws IOException {
    if (!Files.exists(path)) {
      throw new BerthException(NOT_FOUND, "no file " + path);
    }
    ArchiveFiles files =
        Files.isDirectory(path)
            ? new ArchiveFiles.Directory(path.toRealPath())
            : new ArchiveFiles.Tar(TarIndex.open(path, scratch));
    try {
      return new ImageArchive(files, read(path, files));
    } catch (IOException | RuntimeException e) {
      files.close();
      throw e;
    }
  }

  private static List<ArchivedImage> read(Path path, ArchiveFiles files) throws IOException {
    if (files.sizeBytes(OciLayout.INDEX).isPresent()) {
      return new OciLayout(files, Platform.host()).images();
    }
    if (files.sizeBytes(DockerArchive.MANIFEST).isPresent()) {
      return new DockerArchive(files).images();
    }
    throw new BerthException(
        INVALID_ARGUMENT,
        path + " is no archive of images: it has neither an index.json nor a manifest.json");
  }

  /** The images for this machine's platform. */
  public List<ArchivedImage> images() {
    return images;
  }

  /** Where the blobs of one of its images are read from. */
  public BlobSource blobs(ArchivedImage image) {
    return (Descriptor blob, long offset, Operation operation) -> {
      operation.check();
      String name = image.files().get(blob.digest());
      if (name == null) {
        throw new BerthException(NOT_FOUND, "the archive has no blob " + blob.digest());
      }
      return files.open(name, offset);
    };
  }

  /** Reads a small file whole. */
  static byte[] read(ArchiveFiles files, String name, int maxBytes) throws IOException {
    long size =
        files
            .sizeBytes(name)
            .orElseThrow(() ->
                new BerthException(
                    INVALID_ARGUMENT, "the archive has no file " + Ids.printable(name)));
    if (size > maxBytes) {
      throw new BerthException(
          RESOURCE_EXHAUSTED,
          "file "
              + Ids.printable(name)
              + " of the archive is over the bound of "
              + maxBytes
              + " bytes");
    }
    try (InputStream in = files.open(name, 0)) {
      return in.readAllBytes();
    }
  }

  /** Reads a small file whole and checks its digest. */
  static byte[] read(ArchiveFiles files, String name, Digest digest, int maxBytes)
      throws IOException {
    byte[] raw = read(files, name, maxBytes);
    if (!digest.matches(raw)) {
      throw new BerthException(
          INVALID_ARGUMENT, "file " + name + " of the archive does not have digest " + digest);
    }
    return raw;
  }

  @Override
  public void close() throws IOException {
    files.close();
  }
}
