package dev.berth.image;

import static dev.berth.base.BerthException.Kind.ALREADY_EXISTS;
import static dev.berth.base.BerthException.Kind.NOT_FOUND;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import dev.berth.base.Operation;
import dev.berth.image.archive.ArchiveSink;
import dev.berth.image.archive.ArchiveWriter;
import dev.berth.image.archive.SavedImage;
import dev.berth.image.oci.BlobSource;
import dev.berth.image.oci.MediaTypes;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;

/** Writes images into a file or directory, which appears when it is complete. */
final class SaveImages {
  private final ImageFolders folders;

  SaveImages(ImageFolders folders) {
    this.folders = folders;
  }

  void run(
      List<ImageRecord> images,
      Path target,
      ArchiveFormat format,
      BlobSource blobs,
      Transfer transfer,
      Operation operation) {
    List<SavedImage> saved = images.stream().map(this::describe).toList();
    transfer.expect(
        saved.stream().flatMap(image -> image.manifest().layers().stream()).distinct().toList());
    Path temporary = target.resolveSibling("." + target.getFileName() + ".berth-" + Ids.generate());
    try {
      if (format == ArchiveFormat.OCI_DIRECTORY && Files.exists(target)) {
        throw new BerthException(ALREADY_EXISTS, "save: " + target + " exists already");
      }
      try (ArchiveSink sink = sink(format, temporary)) {
        var writer = new ArchiveWriter(sink, operation);
        switch (format) {
          case OCI_DIRECTORY, OCI_ARCHIVE -> writer.writeOciLayout(saved, transfer.counted(blobs));
          case DOCKER_ARCHIVE -> writer.writeDockerArchive(saved, transfer.counted(blobs));
        }
      }
      Files.move(temporary, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      operation.check();
      throw ImageLayout.failed("save images to", target, e);
    } finally {
      discard(temporary);
    }
  }

  private static ArchiveSink sink(ArchiveFormat format, Path target) throws IOException {
    return switch (format) {
      case OCI_DIRECTORY -> new ArchiveSink.Directory(Files.createDirectory(target));
      case OCI_ARCHIVE, DOCKER_ARCHIVE -> new ArchiveSink.Tar(Files.newOutputStream(target));
    };
  }

  private static void discard(Path temporary) {
    try {
      AtomicFiles.deleteTree(temporary);
    } catch (IOException e) {
      throw ImageLayout.failed("remove", temporary, e);
    }
  }

  /** What is to be written of an image, but for its layers. */
  SavedImage describe(ImageRecord image) {
    StoredManifest stored =
        folders.manifest(image.id()).orElseThrow(() -> missing(image, "manifest"));
    byte[] config =
        folders
            .document(image.id(), stored.manifest().config().digest())
            .orElseThrow(() -> missing(image, "configuration"));
    return new SavedImage(
        image.repoTags(),
        stored.raw(),
        MediaTypes.ofManifest(stored.manifest()),
        stored.digest(),
        stored.manifest(),
        config);
  }

  private static BerthException missing(ImageRecord image, String what) {
    return new BerthException(
        NOT_FOUND, "the " + what + " of image " + image.id() + " is gone: pull it again");
  }
}
