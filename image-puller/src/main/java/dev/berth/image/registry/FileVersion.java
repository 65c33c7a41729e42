package dev.berth.image.registry;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.attribute.BasicFileAttributes;

/** Tells whether a file is still the one that was read, without reading it again. */
final class FileVersion {
  private FileVersion() {}

  /** Returns text that differs once the file does; of one that cannot be looked at, "none". */
  static String of(Path file) {
    try {
      var attributes = Files.readAttributes(file, BasicFileAttributes.class);
      return attributes.lastModifiedTime() + " " + attributes.fileKey() + " " + attributes.size();
    } catch (IOException e) {
      return "none"; // reading it will say why
    }
  }
}
