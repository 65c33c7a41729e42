package dev.berth.image;

import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.FileContent;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayDeque;
import java.util.Deque;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.zip.CRC32C;

/**
 * Reads a layer's directory into lines of text, one for each path, always in the same order: type,
 * permissions, owner, time of change, content, extended attributes.
 *
 * <p>Content and attributes are told by their CRC-32C: it finds what a disk does to a file, at the
 * speed of memory, which is what it is for. It is no proof against somebody who means ill; who can
 * write below the root directory of Berth is root. Needs a platform thread: it waits for the disk.
 * Not thread-safe.
 */
final class LayerTree implements AutoCloseable {
  /** Takes the lines. */
  interface Sink {
    void line(String path, String looks) throws IOException;
  }

  private final Inodes inodes = new Inodes();
  private final InodeAttributes attributes = new InodeAttributes();
  private final FileContent content = new FileContent();
  private final byte[] buffer = new byte[FileContent.CHUNK_BYTES];
  private final Map<Long, Long> ofManyNames = new HashMap<>();

  /** Reads all of a directory; the heap needed is that of one directory's names. */
  void read(Path directory, Sink sink) throws IOException {
    try (Fd top = inodes.openDirectory(directory)) {
      sink.line(".", looks(inodes.status(top)) + attributesOf(top));
      Deque<String> open = new ArrayDeque<>();
      readNames(top, "", open, sink);
      while (!open.isEmpty()) {
        String path = open.pop();
        try (Fd below = inodes.openBelow(top, path)) {
          readNames(below, path + "/", open, sink);
        }
      }
    }
  }

  private void readNames(Fd directory, String prefix, Deque<String> open, Sink sink)
      throws IOException {
    List<String> names = inodes.list(directory).stream().sorted().toList();
    for (String name : names) {
      var status = inodes.status(directory, name);
      if (status.isPresent()) {
        sink.line(prefix + name, describe(directory, name, status.get()));
        if (status.get().isDirectory()) {
          open.push(prefix + name);
        }
      }
    }
  }

  private String describe(Fd directory, String name, InodeStatus status) {
    String looks = looks(status);
    return switch (status.type()) {
      case InodeStatus.REGULAR -> {
        try (Fd file = inodes.openFile(directory, name)) {
          String length = " " + status.sizeBytes() + " " + status.links();
          yield looks + length + " " + hex(contentOf(file, name, status)) + attributesOf(file);
        }
      }
      case InodeStatus.DIRECTORY -> {
        try (Fd below = inodes.openDirectory(directory, name)) {
          yield looks + attributesOf(below);
        }
      }
      case InodeStatus.SYMBOLIC_LINK -> looks + " " + escaped(inodes.readLink(directory, name));
      default -> looks + " " + status.device();
    };
  }

  private static String looks(InodeStatus status) {
    return Integer.toOctalString(status.mode())
        + " "
        + Integer.toUnsignedString(status.uid())
        + " "
        + Integer.toUnsignedString(status.gid())
        + " "
        + status.modified().seconds()
        + "."
        + status.modified().nanos();
  }

  private long contentOf(Fd file, String name, InodeStatus status) {
    if (status.links() == 1) {
      return readContent(file, name);
    }
    Long known = ofManyNames.get(status.inode());
    long crc = known == null ? readContent(file, name) : known;
    ofManyNames.put(status.inode(), crc);
    return crc;
  }

  private long readContent(Fd file, String name) {
    var crc = new CRC32C();
    for (int length = content.read(file, name, buffer);
        length > 0;
        length = content.read(file, name, buffer)) {
      crc.update(buffer, 0, length);
    }
    return crc.getValue();
  }

  private String attributesOf(Fd file) {
    List<String> names = attributes.xattrs(file);
    if (names.isEmpty()) {
      return "";
    }
    var crc = new CRC32C();
    for (String name : names.stream().sorted().toList()) {
      crc.update(name.getBytes(StandardCharsets.ISO_8859_1));
      crc.update(0);
      attributes.xattr(file, name).ifPresent(crc::update);
    }
    return " x" + hex(crc.getValue());
  }

  private static String hex(long crc) {
    return Long.toHexString(crc);
  }

  /** Makes one word of a name: what is no printable ASCII is written as %XX. */
  static String escaped(String name) {
    var text = new StringBuilder(name.length());
    for (int i = 0; i < name.length(); i++) {
      char c = name.charAt(i);
      if (c > ' ' && c < 0x7f && c != '%') {
        text.append(c);
      } else {
        text.append('%').append(Character.forDigit(c >> 4 & 0xf, 16));
        text.append(Character.forDigit(c & 0xf, 16));
      }
    }
    return text.toString();
  }

  /** Returns what a person reads for an escaped name. */
  static String readable(String escaped) {
    var name = new StringBuilder(escaped.length());
    for (int i = 0; i < escaped.length(); i++) {
      if (escaped.charAt(i) == '%' && i + 2 < escaped.length()) {
        name.append((char) Integer.parseInt(escaped, i + 1, i + 3, 16));
        i += 2;
      } else {
        name.append(escaped.charAt(i));
      }
    }
    return ByteNames.readable(name.toString());
  }

  @Override
  public void close() {
    content.close();
    attributes.close();
    inodes.close();
  }
}
