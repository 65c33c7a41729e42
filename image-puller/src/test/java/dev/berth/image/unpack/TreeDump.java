package dev.berth.image.unpack;

import dev.berth.runtime.kernel.ByteNames;
import dev.berth.runtime.kernel.Fd;
import dev.berth.runtime.kernel.InodeAttributes;
import dev.berth.runtime.kernel.InodeStatus;
import dev.berth.runtime.kernel.Inodes;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.Map;
import java.util.SortedMap;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Describes a tree in text, one line per path, to be compared. */
public final class TreeDump {
  private TreeDump() {}

  /** Type, mode, owner, time, content or target, hard links and extended attributes. */
  public static SortedMap<String, String> of(Path root) {
    var lines = new TreeMap<String, String>();
    Map<Object, String> firstNames = new HashMap<>();
    try (Stream<Path> tree = Files.walk(root);
        var inodes = new Inodes();
        var attributes = new InodeAttributes()) {
      for (Path path : tree.sorted().toList()) {
        String name = root.relativize(path).toString();
        lines.put(name.isEmpty() ? "." : name, line(path, name, firstNames, inodes, attributes));
      }
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
    return lines;
  }

  private static String line(
      Path path,
      String name,
      Map<Object, String> firstNames,
      Inodes inodes,
      InodeAttributes attributes)
      throws IOException {
    Map<String, Object> at = Files.readAttributes(path, "unix:*", LinkOption.NOFOLLOW_LINKS);
    int mode = (int) at.get("mode");
    String line =
        String.format(
            "%06o %s:%s %s", mode, at.get("uid"), at.get("gid"), at.get("lastModifiedTime"));
    switch (mode & 0170000) {
      case InodeStatus.REGULAR ->
          line +=
              " "
                  + new String(Files.readAllBytes(path), StandardCharsets.ISO_8859_1)
                  + " ="
                  + firstNames.computeIfAbsent(at.get("ino"), _ -> name);
      case InodeStatus.SYMBOLIC_LINK -> line += " -> " + Files.readSymbolicLink(path);
      case InodeStatus.CHARACTER, InodeStatus.BLOCK -> line += " " + at.get("rdev");
      default -> {}
    }
    return line + xattrs(path, mode, inodes, attributes);
  }

  private static String xattrs(Path path, int mode, Inodes inodes, InodeAttributes attributes) {
    int type = mode & 0170000;
    if (type != InodeStatus.REGULAR && type != InodeStatus.DIRECTORY) {
      return "";
    }
    var text = new StringBuilder();
    String parent = path.toAbsolutePath().getParent().toString();
    try (Fd directory = inodes.openDirectory(Path.of(parent));
        Fd fd = inodes.openFile(directory, ByteNames.of(path.getFileName().toString()))) {
      attributes.xattrs(fd).stream()
          .sorted()
          .forEach(x ->
              text.append(" ")
                  .append(x)
                  .append("=")
                  .append(HexFormat.of().formatHex(attributes.xattr(fd, x).orElseThrow())));
    }
    return text.toString();
  }
}
