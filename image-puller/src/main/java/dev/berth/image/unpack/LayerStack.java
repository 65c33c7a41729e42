package dev.berth.image.unpack;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.BerthException;
import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.FileContent;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;
import java.io.ByteArrayOutputStream;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.function.Function;

/**
 * Looks into the merged view of unpacked layers without mounting it, as overlayfs would show it.
 *
 * <p>Symbolic links are followed by text and never lead out of the view: an absolute one starts at
 * its root again. Not thread-safe; to be used on a platform thread.
 */
public final class LayerStack implements AutoCloseable {
  private static final int MAX_LINKS = 40;

  private final Inodes inodes = new Inodes();
  private final InodeAttributes kernel = new InodeAttributes();
  private final FileContent content = new FileContent();
  private final Attributes attributes = new Attributes(inodes, kernel);
  private final List<Fd> roots = new ArrayList<>();

  /** A name in the topmost layer that has it. The directory is open only while it is looked at. */
  record Node(Fd directory, String name, InodeStatus status) {}

  /**
   * Opens a view.
   *
   * @param layers directories of the layers, the highest first
   */
  public LayerStack(List<Path> layers) {
    try {
      layers.forEach(layer -> roots.add(inodes.openDirectory(layer)));
    } catch (RuntimeException e) {
      close();
      throw e;
    }
  }

  /**
   * Reads a regular file, following symbolic links inside the view.
   *
   * @param path in UTF-8, absolute or relative to the root
   * @return empty if there is no such file
   * @throws BerthException INVALID_ARGUMENT if it is larger than {@code maxBytes} (rule R10)
   */
  public Optional<byte[]> readFile(String path, int maxBytes) {
    List<String> real = follow(ByteNames.components(ByteNames.of(path)), true);
    return at(real, node -> read(node, path, maxBytes)).flatMap(found -> found);
  }

  private Optional<byte[]> read(Node node, String path, int maxBytes) {
    if (!node.status().isRegular()) {
      return Optional.empty();
    }
    if (node.status().sizeBytes() > maxBytes) {
      throw new BerthException(
          INVALID_ARGUMENT,
          path
              + " of the image has "
              + node.status().sizeBytes()
              + " bytes, over the bound of "
              + maxBytes);
    }
    var out = new ByteArrayOutputStream();
    byte[] chunk = new byte[FileContent.CHUNK_BYTES];
    try (Fd file = inodes.openFile(node.directory(), node.name())) {
      for (int count = content.read(file, path, chunk);
          count > 0 && out.size() <= maxBytes;
          count = content.read(file, path, chunk)) {
        out.write(chunk, 0, count);
      }
    }
    return Optional.of(out.toByteArray());
  }

  /**
   * Looks at a path without following links; empty if the view has no such name.
   *
   * @param path not empty
   */
  <T> Optional<T> at(List<String> path, Function<Node, T> look) {
    List<Fd> opened = new ArrayList<>();
    try {
      List<Fd> merged = roots;
      for (String component : path.subList(0, path.size() - 1)) {
        merged = enter(merged, component, opened);
      }
      return top(merged, path.getLast()).map(look);
    } finally {
      opened.forEach(Fd::close);
    }
  }

  /** The directories of the layers that merge into one, the highest first. */
  private List<Fd> enter(List<Fd> merged, String name, List<Fd> opened) {
    List<Fd> next = new ArrayList<>();
    for (Fd directory : merged) {
      Optional<InodeStatus> status = inodes.status(directory, name);
      if (status.isEmpty()) {
        continue;
      }
      if (!status.get().isDirectory()) {
        break; // a whiteout or another file: what is below it is hidden
      }
      Fd inner = inodes.openDirectory(directory, name);
      opened.add(inner);
      next.add(inner);
      if (attributes.isOpaque(inner)) {
        break;
      }
    }
    return next;
  }

  private Optional<Node> top(List<Fd> merged, String name) {
    for (Fd directory : merged) {
      Optional<InodeStatus> status = inodes.status(directory, name);
      if (status.isPresent()) {
        return status.filter(s -> !s.isWhiteout()).map(s -> new Node(directory, name, s));
      }
    }
    return Optional.empty();
  }

  /**
   * Returns where a path really leads, without symbolic links in its parents and, if wanted, as its
   * last component. From the first component on that does not exist the rest stays as it is.
   *
   * @throws BerthException INVALID_ARGUMENT if links go in a circle
   */
  List<String> follow(List<String> path, boolean last) {
    List<String> real = new ArrayList<>();
    List<String> rest = new ArrayList<>(path);
    int links = 0;
    while (!rest.isEmpty()) {
      String component = rest.removeFirst();
      if (component.equals("..")) {
        if (!real.isEmpty()) {
          real.removeLast();
        }
        continue;
      }
      real.add(component);
      Optional<String> target = last || !rest.isEmpty() ? link(real) : Optional.empty();
      if (target.isPresent()) {
        if (++links > MAX_LINKS) {
          throw new BerthException(
              INVALID_ARGUMENT,
              "\"" + ByteNames.readable(ByteNames.join(path)) + "\": too many symbolic links");
        }
        real.removeLast();
        if (target.get().startsWith("/")) {
          real.clear();
        }
        rest.addAll(0, ByteNames.components(target.get()));
      }
    }
    return real;
  }

  private Optional<String> link(List<String> path) {
    return at(
            path,
            node ->
                node.status().isSymbolicLink()
                    ? Optional.of(inodes.readLink(node.directory(), node.name()))
                    : Optional.<String>empty())
        .flatMap(target -> target);
  }

  /** Closes all descriptors. Idempotent. */
  @Override
  public void close() {
    roots.forEach(Fd::close);
    inodes.close();
    kernel.close();
    content.close();
  }
}
