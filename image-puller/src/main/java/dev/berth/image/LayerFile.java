package dev.berth.image;

import com.google.gson.Gson;
import com.google.gson.JsonParseException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;

/**
 * The {@code layer.json} beside an unpacked layer: what the index of layers is built from.
 *
 * <p>{@code bootId} is the boot in which it was unpacked. Unpacking does not wait for the disk; a
 * layer whose files are known to be on it has a file {@code synced} as well, which says how much
 * they take. After a power loss one without it is compared with its {@link LayerManifest}, and is
 * dropped if it has none yet. A file {@code damaged} says why a layer is not to be used any more.
 */
record LayerFile(
    int schema,
    @Nullable String key,
    @Nullable String bootId,
    boolean explicitRoot,
    boolean opaqueRoot,
    long usedBytes,
    long inodes) {
  static final int SCHEMA = 1;
  static final String SYNCED = "synced";
  static final String DAMAGED = "damaged";

  private static final String NAME = "layer.json";
  private static final Gson GSON = new Gson();

  void write(Path folder) throws IOException {
    Files.writeString(folder.resolve(NAME), GSON.toJson(this));
  }

  /**
   * Reads the file of a layer.
   *
   * @throws IOException if it is missing or makes no sense
   */
  static LayerFile read(Path folder) throws IOException {
    try {
      LayerFile file = GSON.fromJson(Files.readString(folder.resolve(NAME)), LayerFile.class);
      if (file != null && file.schema == SCHEMA && file.key != null && file.bootId != null) {
        return file;
      }
    } catch (JsonParseException e) {
      throw new IOException(folder + " has a damaged " + NAME, e);
    }
    throw new IOException(folder + " has a " + NAME + " that is not understood");
  }

  /** The boot this machine is in. */
  static String currentBoot() throws IOException {
    return Files.readString(Path.of("/proc/sys/kernel/random/boot_id")).strip();
  }

  /** What the whole directory of a layer takes on its disk. */
  private record Mark(long usedBytes, long inodes) {}

  static Layer measured(Layer layer, Path folder) {
    DiskUsage usage = DiskUsage.of(folder);
    return layer.measured(usage.bytes(), usage.inodes());
  }

  static void writeMark(Path mark, Layer measured) throws IOException {
    Files.writeString(mark, GSON.toJson(new Mark(measured.usedBytes(), measured.inodes())));
  }

  /** Returns a layer with what its mark says of it; one that says nothing changes nothing. */
  static Layer readMark(Layer layer, Path mark) throws IOException {
    if (!Files.exists(mark)) {
      return layer;
    }
    try {
      Mark said = GSON.fromJson(Files.readString(mark), Mark.class);
      return said == null ? layer : layer.measured(said.usedBytes, said.inodes);
    } catch (JsonParseException e) {
      return layer;
    }
  }
}
