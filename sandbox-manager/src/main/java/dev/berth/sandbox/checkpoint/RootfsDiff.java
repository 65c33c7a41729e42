package dev.berth.sandbox.checkpoint;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.Operation;
import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.Descriptors;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;
import dev.berth.sandbox.checkpoint.TarEntry.Kind;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;

/**
 * What a container has changed in its root file system, read from the upper directory of its
 * overlay: files that are new or changed go into an archive, names that it removed into a list.
 *
 * <p>A directory that hides the image's of the same name keeps overlayfs's mark of that, the
 * extended attribute {@code trusted.overlay.opaque}. Sockets are left out: they mean nothing
 * without the process that listens. Everything is opened by descriptor and name, no link is
 * followed.
 */
final class RootfsDiff implements AutoCloseable {
  private static final int CHUNK_BYTES = 64 << 10;
  private static final String OVERLAY = "trusted.overlay.";
  private static final String OPAQUE = OVERLAY + "opaque";

  private final TarWriter tar;
  private final Operation operation;
  private final Inodes inodes = new Inodes();
  private final InodeAttributes attributes = new InodeAttributes();
  private final List<String> deleted = new ArrayList<>();

  /** The first name of every file with several, by inode: further ones are hard links. */
  private final Map<Long, String> names = new HashMap<>();

  private RootfsDiff(OutputStream out, Operation operation) {
    this.tar = new TarWriter(out);
    this.operation = operation;
  }

  /**
   * Writes the archive.
   *
   * @param upper the upper directory; nobody writes to it meanwhile
   * @param out stays the caller's
   * @return the removed names, as absolute paths in the container, sorted
   */
  static List<String> write(Path upper, OutputStream out, Operation operation) throws IOException {
    try (var diff = new RootfsDiff(out, operation);
        Fd top = diff.inodes.openDirectory(upper)) {
      diff.directory(top, "");
      diff.tar.finish();
      return diff.deleted.stream().sorted().toList();
    }
  }

  private void directory(Fd directory, String path) throws IOException {
    for (String name : inodes.list(directory).stream().sorted().toList()) {
      operation.check();
      Optional<InodeStatus> status = inodes.status(directory, name);
      if (status.isPresent()) {
        entry(directory, name, path + name, status.get());
      }
    }
  }

  private void entry(Fd directory, String name, String path, InodeStatus status)
      throws IOException {
    if (status.isWhiteout()) {
      deleted.add("/" + new String(path.getBytes(ISO_8859_1), UTF_8));
      return;
    }
    switch (status.type()) {
      case InodeStatus.DIRECTORY -> {
        try (Fd inner = inodes.openDirectory(directory, name)) {
          begin(Kind.DIRECTORY, path + "/", status, 0, "", attributesOf(inner));
          directory(inner, path + "/");
        }
      }
      case InodeStatus.REGULAR -> {
        try (Fd file = inodes.openFile(directory, name)) {
          file(file, path, status);
        }
      }
      case InodeStatus.SYMBOLIC_LINK ->
          begin(Kind.SYMBOLIC_LINK, path, status, 0, inodes.readLink(directory, name), Map.of());
      case InodeStatus.CHARACTER -> begin(Kind.CHARACTER_DEVICE, path, status, 0, "", Map.of());
      case InodeStatus.BLOCK -> begin(Kind.BLOCK_DEVICE, path, status, 0, "", Map.of());
      case InodeStatus.FIFO -> begin(Kind.FIFO, path, status, 0, "", Map.of());
      default -> {} // a socket
    }
  }

  private void file(Fd file, String path, InodeStatus status) throws IOException {
    String first = status.links() > 1 ? names.putIfAbsent(status.inode(), path) : null;
    if (first != null) {
      begin(Kind.HARD_LINK, path, status, 0, first, Map.of());
      return;
    }
    begin(Kind.FILE, path, status, status.sizeBytes(), "", attributesOf(file));
    long copied = 0;
    while (copied < status.sizeBytes()) {
      operation.check();
      int wanted = (int) Math.min(CHUNK_BYTES, status.sizeBytes() - copied);
      byte[] chunk = Descriptors.readAt(file, copied, wanted);
      if (chunk.length == 0) {
        throw new IOException("\"" + ByteNames.readable(path) + "\" became shorter");
      }
      tar.write(chunk, chunk.length);
      copied += chunk.length;
    }
  }

  private void begin(
      Kind kind,
      String path,
      InodeStatus status,
      long sizeBytes,
      String target,
      Map<String, String> extended)
      throws IOException {
    tar.begin(new TarEntry(path, kind, status, sizeBytes, target, extended));
  }

  private Map<String, String> attributesOf(Fd file) {
    Map<String, String> values = new TreeMap<>();
    for (String name : attributes.xattrs(file)) {
      if (!name.startsWith(OVERLAY) || name.equals(OPAQUE)) {
        attributes
            .xattr(file, name)
            .ifPresent(value -> values.put(name, new String(value, ISO_8859_1)));
      }
    }
    return values;
  }

  @Override
  public void close() {
    inodes.close();
    attributes.close();
  }
}
