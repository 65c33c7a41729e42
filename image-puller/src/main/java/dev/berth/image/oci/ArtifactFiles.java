package dev.berth.image.oci;

import static dev.berth.base.BerthException.Kind.INVALID_ARGUMENT;
import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static java.nio.charset.StandardCharsets.UTF_8;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.util.List;
import java.util.Map;

/**
 * An artifact as an image: each of its blobs is a layer of one file, as it came, whose name is the
 * last component of the blob's title, or its digest if it has none. It can be mounted; there is
 * nothing in it to run.
 */
public final class ArtifactFiles {
  private static final int MAX_NAME_BYTES = 255;

  private ArtifactFiles() {}

  /** Returns what stands for the configuration that an artifact does not have. */
  public static ImageDocument document(Manifest manifest, Platform platform) {
    var nothing =
        new ImageConfig(List.of(), List.of(), List.of(), "", "", List.of(), null, Map.of());
    return new ImageDocument(
        platform, nothing, manifest.layers().stream().map(ArtifactFiles::diffId).toList());
  }

  /** A digest that no archive has, and that differs if the content or the name does. */
  private static Digest diffId(Descriptor blob) {
    return Digest.ofSha256("file " + name(blob) + "\0" + blob.digest());
  }

  /**
   * Returns the name of a blob's file, one character per byte.
   *
   * @throws BerthException INVALID_ARGUMENT if it can be no file's
   */
  public static String name(Descriptor blob) {
    String title = blob.title();
    if (title == null || title.isEmpty()) {
      return blob.digest().hex();
    }
    String last = title.substring(title.lastIndexOf('/') + 1);
    String name = new String(last.getBytes(UTF_8), ISO_8859_1);
    if (name.isEmpty()
        || name.equals(".")
        || name.equals("..")
        || name.length() > MAX_NAME_BYTES
        || name.indexOf('\0') >= 0) {
      throw new BerthException(
          INVALID_ARGUMENT, "the title " + Ids.printable(title) + " is no name of a file");
    }
    return name;
  }
}
