package dev.berth.image.archive;

import dev.berth.base.BerthException;
import dev.berth.image.oci.ImageReference;

/** What archives call their images. */
final class ImageNames {
  private ImageNames() {}

  /** Whether a text is a name with a registry or repository and a tag, not a tag alone. */
  static boolean isComplete(String text) {
    try {
      return (text.contains("/") || text.contains(":")) && ImageReference.parse(text).tag() != null;
    } catch (BerthException e) {
      return false;
    }
  }
}
