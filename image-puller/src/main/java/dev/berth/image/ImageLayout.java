package dev.berth.image;

import static dev.berth.base.BerthException.Kind.INTERNAL;
import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;

import dev.berth.base.AtomicFiles;
import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.List;
import java.util.stream.Stream;

/**
 * The directories of the image store, all of mode 0700 (rule R18).
 *
 * <pre>
 * layers/N/fs, layer.json,  unpacked layers, complete by construction, and what describes them: the
 *   manifest, synced        store can be read without any index. N is short, because overlay
 *                           options of old shims must fit one page
 * snapshots/KEY/fs, work,   what containers write
 *   snapshot.json
 * content/HEX/              manifests and configuration of an image as they came, image.json
 * blobs/HEX                 compressed layers that are kept
 * staging/                  layers being unpacked
 * partial/                  compressed bytes of broken downloads
 * trash/                    renamed here at once, deleted in the background
 * </pre>
 */
record ImageLayout(Path root) {
  /** Creates what is missing. */
  static ImageLayout create(Path root) throws IOException {
    String text = root.toAbsolutePath().toString();
    if (text.matches(".*[:,\\\\\\s].*")) { // they separate the options of an overlay mount
      throw new BerthException(
          INVALID_ARGUMENT,
          "image directory \""
              + Ids.printable(text)
              + "\" must not hold a colon, a comma, a backslash or a blank");
    }
    AtomicFiles.createPrivateDirectories(root);
    var layout = new ImageLayout(root.toRealPath());
    for (Path folder :
        List.of(
            layout.layers(),
            layout.snapshots(),
            layout.content(),
            layout.blobs(),
            layout.staging(),
            layout.partial(),
            layout.trash())) {
      AtomicFiles.createPrivateDirectories(folder);
    }
    return layout;
  }

  Path layers() {
    return root.resolve("layers");
  }

  Path snapshots() {
    return root.resolve("snapshots");
  }

  Path content() {
    return root.resolve("content");
  }

  Path blobs() {
    return root.resolve("blobs");
  }

  Path staging() {
    return root.resolve("staging");
  }

  Path partial() {
    return root.resolve("partial");
  }

  Path trash() {
    return root.resolve("trash");
  }

  /** Takes a directory out of sight at once; {@link Trash} deletes it. A missing one is fine. */
  void discard(Path directory) {
    try {
      if (Files.exists(directory, LinkOption.NOFOLLOW_LINKS)) {
        Files.move(directory, trash().resolve(Ids.generate()), StandardCopyOption.ATOMIC_MOVE);
      }
    } catch (IOException e) {
      throw failed("remove", directory, e);
    }
  }

  /** Names in a directory. */
  static List<Path> list(Path directory) {
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.toList();
    } catch (IOException e) {
      throw failed("list", directory, e);
    }
  }

  static BerthException failed(String action, Path path, IOException e) {
    String reason = String.valueOf(e.getMessage());
    boolean full = reason.contains("No space left") || reason.contains("quota exceeded");
    return new BerthException(
        full ? BerthException.Kind.RESOURCE_EXHAUSTED : INTERNAL,
        "cannot " + action + " " + path + ": " + reason,
        e);
  }
}
