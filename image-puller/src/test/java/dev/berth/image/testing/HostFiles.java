package dev.berth.image.testing;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.List;
import java.util.TreeSet;
import java.util.stream.Stream;

/** Lists what is in an image store, to show that nothing was left. */
public final class HostFiles {
  private HostFiles() {}

  /** Every path below a directory, sorted, without the contents of the trash. */
  public static List<String> below(Path root) {
    var paths = new TreeSet<String>();
    try (Stream<Path> tree = Files.walk(root)) {
      tree.filter(path -> !root.relativize(path).startsWith("trash"))
          .filter(path -> Files.exists(path, LinkOption.NOFOLLOW_LINKS))
          .forEach(path -> paths.add(root.relativize(path).toString()));
    } catch (UncheckedIOException | IOException e) {
      return below(root); // something was moved to the trash meanwhile
    }
    return List.copyOf(paths);
  }
}
