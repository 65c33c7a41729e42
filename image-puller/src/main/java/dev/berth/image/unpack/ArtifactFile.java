package dev.berth.image.unpack;

import dev.berth.base.Operation;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.FileContent;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.Inodes;
import dev.berth.runtime.kernel.UnixTime;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;

/** Writes a blob that is no archive as the only file of a layer. */
final class ArtifactFile {
  private ArtifactFile() {}

  /**
   * Writes all that comes.
   *
   * @param directory empty and private
   * @param name of the file, one character per byte
   * @throws IOException if the stream fails
   */
  static UnpackedLayer write(InputStream content, Path directory, String name, Operation operation)
      throws IOException {
    try (var inodes = new Inodes();
        var attributes = new InodeAttributes();
        var writer = new FileContent();
        Fd root = inodes.openDirectory(directory)) {
      attributes.changeMode(root, "/", 0755);
      long bytes = 0;
      try (Fd file = inodes.createFile(root, name).orElseThrow()) {
        byte[] chunk = new byte[FileContent.CHUNK_BYTES];
        int length = content.readNBytes(chunk, 0, chunk.length);
        while (length > 0) {
          operation.check();
          writer.write(file, name, chunk, length);
          bytes += length;
          length = content.readNBytes(chunk, 0, chunk.length);
        }
        attributes.changeMode(file, name, 0644);
        attributes.changeTime(file, name, UnixTime.EPOCH);
      }
      return new UnpackedLayer(
          new Sidecar(List.of(), List.of()), false, false, UnpackedLayer.wholeBlocks(bytes), 1);
    }
  }
}
