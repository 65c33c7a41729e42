package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static dev.berth.base.BerthException.Kind.RESOURCE_EXHAUSTED;

import dev.berth.base.BerthException;
import dev.berth.base.Operation;
import dev.berth.image.unpack.LayerDirectories.Directory;
import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.FileContent;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.function.BooleanSupplier;

/**
 * Writes the entries of one layer's archive into a directory of its own, in the form overlayfs
 * stacks: removed names are device nodes 0:0, opaque directories carry an attribute.
 *
 * <p>Works without the layers below. What depends on them is left open in a {@link Sidecar}.
 * Whiteouts mean lower layers only, wherever they stand in the archive: a name that this layer has
 * itself stays, and if it is a directory it hides the lower one of that name. When an archive has a
 * path twice the last one counts. See image-spec, layer.md.
 *
 * <p>The directory must be private: nobody else may write to it meanwhile. Not thread-safe, for one
 * archive, and to be run on a platform thread.
 */
public final class LayerUnpacker implements AutoCloseable {
  private static final long MAX_DEVICE_MAJOR = 0xfff;
  private static final long MAX_DEVICE_MINOR = 0xfffff;

  private final Inodes inodes = new Inodes();
  private final InodeAttributes kernel = new InodeAttributes();
  private final FileContent content = new FileContent();
  private final UnpackLimits limits;
  private final Fd root;
  private final LayerDirectories directories;
  private final Attributes attributes = new Attributes(inodes, kernel);
  private final Map<String, String> pendingLinks = new LinkedHashMap<>();
  private final Set<String> whiteouts = new LinkedHashSet<>();
  private final Set<String> opaque = new HashSet<>();
  private final byte[] chunk = new byte[FileContent.CHUNK_BYTES];
  private boolean explicitRoot;
  private boolean opaqueRoot;
  private long usedBytes;
  private long inodeCount;
  private long keptBytes;

  /**
   * Prepares to write into {@code directory}, which exists and is empty.
   *
   * @throws dev.berth.runtime.kernel.NativeException if it cannot be opened
   */
  public LayerUnpacker(Path directory, UnpackLimits limits) {
    this.limits = limits;
    this.root = inodes.openDirectory(directory);
    this.directories = new LayerDirectories(root, inodes, kernel);
    kernel.changeMode(root, "/", 0755);
  }

  /**
   * Unpacks an archive. The stream is read to the end of the archive, not necessarily to its own.
   *
   * @param operation checked before every entry
   * @throws BerthException INVALID_ARGUMENT naming the entry that is wrong, or the one before what
   *     is not even an entry; RESOURCE_EXHAUSTED in the same way if a bound or the disk is reached;
   *     the directory then holds a part of the layer
   * @throws IOException if the stream fails
   */
  public UnpackedLayer unpack(InputStream archive, Operation operation) throws IOException {
    var tar = new TarReader(archive, limits);
    String at = "before the first entry";
    try {
      for (TarEntry entry = tar.next(); entry != null; entry = tar.next()) {
        operation.check();
        String name = "entry \"" + ByteNames.readable(entry.name()) + "\"";
        at = name;
        apply(entry, tar);
        requireMemory();
        at = "after " + name;
      }
    } catch (BerthException e) {
      throw e.during(at);
    }
    linkWhatCameLater();
    dropIdleWhiteouts();
    directories.setTimes();
    return new UnpackedLayer(
        new Sidecar(directories.implicit(), links()),
        explicitRoot,
        opaqueRoot,
        usedBytes,
        inodeCount + directories.implicit().size());
  }

  /** What is kept until the end of the archive: the rest of it may be as long as it likes. */
  private void requireMemory() {
    long bytes = keptBytes + directories.keptBytes();
    if (bytes > UnpackLimits.MAX_KEPT_BYTES) {
      throw new BerthException(
          RESOURCE_EXHAUSTED,
          "the directories, whiteouts and hard links to files that come later take over "
              + UnpackLimits.MAX_KEPT_BYTES
              + " bytes of memory");
    }
  }

  private List<Sidecar.PendingLink> links() {
    List<Sidecar.PendingLink> links = new ArrayList<>();
    pendingLinks.forEach((path, target) -> links.add(new Sidecar.PendingLink(path, target)));
    return links;
  }

  private void apply(TarEntry entry, TarReader tar) throws IOException {
    LayerPath path = LayerPath.parse(entry.name());
    if (path.isRoot()) {
      describeRoot(entry);
      return;
    }
    if (path.isAufsMetadata() || (path.isWhiteout() && isBelowWhiteout(path))) {
      return;
    }
    Directory parent = directories.require(path.parent());
    if (path.isOpaqueMark()) {
      attributes.makeOpaque(parent.fd());
      opaque.add(parent.path());
      opaqueRoot |= parent.path().isEmpty();
    } else if (path.isWhiteout()) {
      whiteout(parent, path.whiteoutTarget());
    } else {
      pendingLinks.remove(parent.child(path.name()));
      create(parent, path.name(), entry, tar);
    }
  }

  private void describeRoot(TarEntry entry) {
    if (entry.type() != TarEntry.Type.DIRECTORY) {
      throw new BerthException(INVALID_ARGUMENT, "the root of a layer can only be a directory");
    }
    explicitRoot = true;
    attributes.apply(root, "/", entry);
    directories.describe("", entry.modified());
  }

  private void whiteout(Directory parent, String name) {
    String path = parent.child(name);
    if (pendingLinks.containsKey(path)) {
      return;
    }
    if (!inodes.makeWhiteout(parent.fd(), name)) {
      if (!inodes.status(parent.fd(), name).map(InodeStatus::isDirectory).orElse(false)) {
        return; // a file of this layer, which hides the lower one as well
      }
      if (!directories.isImplicit(path) || !holdsOnlyWhiteouts(parent.fd(), name)) {
        hideLower(parent, name);
        return;
      }
      remove(parent, name);
      LayerDirectories.requireMade(path, inodes.makeWhiteout(parent.fd(), name));
    }
    whiteouts.add(path);
    keptBytes += UnpackLimits.keptBytes(path);
    inodeCount++;
  }

  /** The directory stays, because this layer has it, but not what lower layers have in it. */
  private void hideLower(Directory parent, String name) {
    try (Fd directory = inodes.openDirectory(parent.fd(), name)) {
      attributes.makeOpaque(directory);
    }
    opaque.add(parent.child(name));
    directories.detach(parent.child(name));
  }

  private boolean holdsOnlyWhiteouts(Fd parent, String name) {
    try (Fd directory = inodes.openDirectory(parent, name)) {
      return inodes.list(directory).stream()
          .allMatch(child -> {
            InodeStatus status = inodes.status(directory, child).orElseThrow();
            return status.isWhiteout()
                || (status.isDirectory() && holdsOnlyWhiteouts(directory, child));
          });
    }
  }

  private boolean isBelowWhiteout(LayerPath path) {
    return hasParentIn(whiteouts, path);
  }

  private void create(Directory parent, String name, TarEntry entry, TarReader tar)
      throws IOException {
    switch (entry.type()) {
      case REGULAR -> regularFile(parent, name, entry, tar);
      case DIRECTORY -> directory(parent, name, entry);
      case HARD_LINK -> hardLink(parent, name, entry);
      case SYMBOLIC_LINK -> symbolicLink(parent, name, entry);
      case CHARACTER_DEVICE -> device(parent, name, entry, InodeStatus.CHARACTER);
      case BLOCK_DEVICE -> device(parent, name, entry, InodeStatus.BLOCK);
      case FIFO -> node(parent, name, entry, InodeStatus.FIFO, 0);
    }
  }

  private void regularFile(Directory parent, String name, TarEntry entry, TarReader tar)
      throws IOException {
    try (Fd file = createFile(parent, name)) {
      if (entry.segments() == null) {
        copyContent(file, name, tar);
      } else {
        copySegments(file, name, entry, entry.segments(), tar);
      }
      attributes.apply(file, name, entry);
      kernel.changeTime(file, name, entry.modified());
    }
  }

  private Fd createFile(Directory parent, String name) {
    Optional<Fd> file = inodes.createFile(parent.fd(), name);
    if (file.isEmpty()) {
      remove(parent, name);
      file = inodes.createFile(parent.fd(), name);
      LayerDirectories.requireMade(parent.child(name), file.isPresent());
    }
    inodeCount++;
    return file.orElseThrow();
  }

  private void copyContent(Fd file, String name, TarReader tar) throws IOException {
    for (int length = fill(tar); length > 0; length = fill(tar)) {
      content.write(file, name, chunk, length);
      count(length);
    }
  }

  private void copySegments(
      Fd file, String name, TarEntry entry, List<TarEntry.Segment> segments, TarReader tar)
      throws IOException {
    for (TarEntry.Segment segment : segments) {
      long offset = segment.offset();
      long left = segment.lengthBytes();
      while (left > 0) {
        int length = tar.read(chunk, 0, (int) Math.min(chunk.length, left));
        content.writeAt(file, name, chunk, length, offset);
        count(length);
        offset += length;
        left -= length;
      }
    }
    content.truncate(file, name, entry.sizeBytes());
  }

  /** Fills the chunk as far as the entry goes, so that small reads make no small writes. */
  private int fill(TarReader tar) throws IOException {
    int length = 0;
    while (length < chunk.length) {
      int count = tar.read(chunk, length, chunk.length - length);
      if (count < 0) {
        break;
      }
      length += count;
    }
    return length;
  }

  private void count(long bytes) {
    usedBytes += UnpackedLayer.wholeBlocks(bytes);
  }

  private void directory(Directory parent, String name, TarEntry entry) {
    boolean hidesLower = false;
    if (inodes.makeDirectory(parent.fd(), name)) {
      inodeCount++;
      count(1);
    } else {
      InodeStatus present = inodes.status(parent.fd(), name).orElseThrow();
      if (!present.isDirectory()) {
        hidesLower = present.isWhiteout();
        remove(parent, name);
        LayerDirectories.requireMade(parent.child(name), inodes.makeDirectory(parent.fd(), name));
      }
    }
    try (Fd fd = inodes.openDirectory(parent.fd(), name)) {
      attributes.apply(fd, name, entry);
      if (hidesLower) {
        attributes.makeOpaque(fd);
        opaque.add(parent.child(name));
      }
    }
    directories.describe(parent.child(name), entry.modified());
  }

  private void symbolicLink(Directory parent, String name, TarEntry entry) {
    String target = entry.linkName();
    if (target.isEmpty()
        || target.length() >= UnpackLimits.MAX_PATH_BYTES
        || target.indexOf('\0') >= 0) {
      throw new BerthException(
          INVALID_ARGUMENT,
          "the symbolic link has a target of " + target.length() + " bytes or with a NUL in it");
    }
    make(parent, name, () -> inodes.makeSymbolicLink(parent.fd(), name, target));
    attributes.applyToLink(parent.fd(), name, entry);
  }

  private void device(Directory parent, String name, TarEntry entry, int type) {
    long major = entry.deviceMajor();
    long minor = entry.deviceMinor();
    if (major < 0 || major > MAX_DEVICE_MAJOR || minor < 0 || minor > MAX_DEVICE_MINOR) {
      throw new BerthException(
          INVALID_ARGUMENT, "device " + major + ":" + minor + " is out of range");
    }
    if (major == 0 && minor == 0) {
      throw new BerthException(
          INVALID_ARGUMENT, "device 0:0 is how overlayfs marks removed files, not a device");
    }
    node(parent, name, entry, type, Inodes.deviceNumber(major, minor));
  }

  private void node(Directory parent, String name, TarEntry entry, int type, long device) {
    make(parent, name, () -> inodes.makeNode(parent.fd(), name, type, device));
    attributes.applyToNode(parent.fd(), name, entry);
  }

  /** The metadata of a link's own header is that of its target, and already set there. */
  private void hardLink(Directory parent, String name, TarEntry entry) {
    LayerPath target = LayerPath.parse(entry.linkName());
    if (target.isRoot() || target.isWhiteout()) {
      throw new BerthException(INVALID_ARGUMENT, "the hard link names no file");
    }
    String path = parent.child(name);
    Optional<Directory> holder = holder(target);
    if (holder.isPresent()) {
      if (!path.equals(holder.get().child(target.name()))) {
        link(parent, name, holder.get(), target.name());
      }
      return;
    }
    if (inodes.status(parent.fd(), name).isPresent()) {
      remove(parent, name);
    }
    String targetPath = ByteNames.join(target.components());
    pendingLinks.put(path, targetPath);
    keptBytes += UnpackLimits.keptBytes(path) + targetPath.length();
  }

  /** Returns the directory of a target that this layer has itself. */
  private Optional<Directory> holder(LayerPath target) {
    return directories
        .find(target.parent())
        .filter(directory -> {
          Optional<InodeStatus> status = inodes.status(directory.fd(), target.name());
          if (status.isPresent() && status.get().isDirectory()) {
            throw new BerthException(INVALID_ARGUMENT, "the hard link leads to a directory");
          }
          return status.isPresent() && !status.get().isWhiteout();
        });
  }

  private void link(Directory parent, String name, Directory holder, String target) {
    if (!inodes.link(holder.fd(), target, parent.fd(), name)) {
      remove(parent, name);
      LayerDirectories.requireMade(
          parent.child(name), inodes.link(holder.fd(), target, parent.fd(), name));
    }
  }

  /** A link may stand before its target in the archive. */
  private void linkWhatCameLater() {
    pendingLinks
        .entrySet()
        .removeIf(pending -> {
          LayerPath path = LayerPath.parse(pending.getKey());
          LayerPath target = LayerPath.parse(pending.getValue());
          Optional<Directory> holder = holder(target);
          holder.ifPresent(directory ->
              link(directories.require(path.parent()), path.name(), directory, target.name()));
          return holder.isPresent();
        });
  }

  /**
   * Removes whiteouts below opaque directories: nothing is left there for them to hide, and
   * overlayfs lists the whiteouts of a directory that it need not merge as if they were files.
   */
  private void dropIdleWhiteouts() {
    for (String path : whiteouts) {
      LayerPath parsed = LayerPath.parse(path);
      if (hasParentIn(opaque, parsed)) {
        Directory parent = directories.require(parsed.parent());
        if (inodes.status(parent.fd(), parsed.name()).map(InodeStatus::isWhiteout).orElse(false)) {
          inodes.remove(parent.fd(), parsed.name());
          inodeCount--;
        }
      }
    }
  }

  private static boolean hasParentIn(Set<String> paths, LayerPath path) {
    for (int depth = path.components().size() - 1; depth >= 0; depth--) {
      if (paths.contains(ByteNames.join(path.components().subList(0, depth)))) {
        return true;
      }
    }
    return false;
  }

  /** Creates something, in place of whatever this layer has there so far. */
  private void make(Directory parent, String name, BooleanSupplier creation) {
    if (!creation.getAsBoolean()) {
      remove(parent, name);
      LayerDirectories.requireMade(parent.child(name), creation.getAsBoolean());
    }
    inodeCount++;
  }

  private void remove(Directory parent, String name) {
    inodes.remove(parent.fd(), name);
    directories.forget(parent.child(name));
    opaque.remove(parent.child(name));
    inodeCount--;
  }

  /** Closes all descriptors. Idempotent. */
  @Override
  public void close() {
    directories.close();
    root.close();
    inodes.close();
    kernel.close();
    content.close();
  }
}
