package dev.berth.sandbox.checkpoint;

import static java.nio.charset.StandardCharsets.UTF_8;

import com.google.gson.Gson;
import com.google.gson.GsonBuilder;
import dev.berth.base.AtomicFiles;
import dev.berth.base.Operation;
import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.UnixTime;
import java.io.BufferedOutputStream;
import java.io.IOException;
import java.io.InputStream;
import java.io.OutputStream;
import java.nio.channels.Channels;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.FileAttribute;
import java.nio.file.attribute.PosixFilePermission;
import java.nio.file.attribute.PosixFilePermissions;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;

/**
 * The directory in which the checkpoint of one container is put together. Its files are named as in
 * the archive:
 *
 * <pre>
 *   checkpoint/        CRIU's images
 *   dump.log, stats-dump   of CRIU
 *   config.dump        what container this was
 *   spec.dump          its config.json
 *   status.dump        its state
 *   rootfs-diff.tar    files that it changed
 *   deleted.files      and that it removed
 * </pre>
 *
 * Not thread-safe: one verb at a time has it.
 *
 * @param path a directory of mode 0700
 */
public record CheckpointFiles(Path path) {
  private static final Gson GSON = new GsonBuilder().disableHtmlEscaping().create();
  private static final int CHUNK_BYTES = 128 << 10;

  /** Notes where the archive is being written; not part of it. */
  private static final String PARTIAL = ".partial";

  private static final FileAttribute<Set<PosixFilePermission>> MODE_0600 =
      PosixFilePermissions.asFileAttribute(PosixFilePermissions.fromString("rw-------"));

  /** Makes the directory, and removes what a crash left of an earlier one. */
  public static CheckpointFiles create(Path path) throws IOException {
    var files = new CheckpointFiles(path);
    files.delete();
    AtomicFiles.createPrivateDirectories(files.images());
    return files;
  }

  /** Where CRIU's images go. */
  public Path images() {
    return path.resolve("checkpoint");
  }

  /** Writes what the container is and was made of. */
  public void describe(ContainerDump container, byte[] runtimeSpec) throws IOException {
    Files.writeString(path.resolve("config.dump"), GSON.toJson(container.config()), UTF_8);
    Files.writeString(path.resolve("status.dump"), GSON.toJson(container.status()), UTF_8);
    Files.write(path.resolve("spec.dump"), runtimeSpec);
  }

  /**
   * Copies what the container has changed in its root file system.
   *
   * @param upper the upper directory of its overlay; nobody writes to it meanwhile
   */
  public void copyChanges(Path upper, Operation operation) throws IOException {
    List<String> deleted;
    try (OutputStream out =
        new BufferedOutputStream(
            Files.newOutputStream(path.resolve("rootfs-diff.tar")), CHUNK_BYTES)) {
      deleted = RootfsDiff.write(upper, out, operation);
    }
    Files.writeString(path.resolve("deleted.files"), GSON.toJson(deleted), UTF_8);
  }

  /**
   * Writes all of it into one archive, mode 0600, which appears under its name when it is complete
   * and durable; it replaces an earlier one.
   *
   * @param location in an existing directory
   */
  public void archive(Path location, Operation operation) throws IOException {
    Path partial = location.resolveSibling("." + path.getFileName() + PARTIAL);
    Files.writeString(path.resolve(PARTIAL), partial.toString(), UTF_8);
    Files.deleteIfExists(partial); // of a crash
    try (FileChannel file =
        FileChannel.open(
            partial,
            Set.of(
                StandardOpenOption.WRITE, StandardOpenOption.CREATE_NEW, LinkOption.NOFOLLOW_LINKS),
            MODE_0600)) {
      OutputStream out = new BufferedOutputStream(Channels.newOutputStream(file), CHUNK_BYTES);
      var tar = new TarWriter(out);
      for (Path member : members()) {
        add(tar, member, operation);
      }
      tar.finish();
      out.flush();
      file.force(true);
    }
    operation.check();
    Files.move(partial, location, StandardCopyOption.ATOMIC_MOVE);
    AtomicFiles.syncDirectory(location.resolveSibling("."));
  }

  private List<Path> members() throws IOException {
    try (Stream<Path> tree = Files.walk(path)) {
      return tree.filter(file -> Files.isRegularFile(file, LinkOption.NOFOLLOW_LINKS))
          .filter(file -> !file.equals(path.resolve(PARTIAL)))
          .sorted()
          .toList();
    }
  }

  private void add(TarWriter tar, Path member, Operation operation) throws IOException {
    var modified = new UnixTime(Files.getLastModifiedTime(member).toInstant().getEpochSecond(), 0);
    String name = ByteNames.of(path.relativize(member).toString());
    tar.begin(TarEntry.privateFile(name, Files.size(member), modified));
    byte[] chunk = new byte[CHUNK_BYTES];
    try (InputStream content = Files.newInputStream(member)) {
      for (int length = content.read(chunk); length > 0; length = content.read(chunk)) {
        operation.check();
        tar.write(chunk, length);
      }
    }
  }

  /** Removes the directory, and an archive that was not completed. Idempotent. */
  public void delete() throws IOException {
    Path note = path.resolve(PARTIAL);
    if (Files.exists(note)) {
      Files.deleteIfExists(Path.of(Files.readString(note)));
    }
    AtomicFiles.deleteTree(path);
  }
}
