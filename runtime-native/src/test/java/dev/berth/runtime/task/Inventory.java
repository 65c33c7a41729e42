package dev.berth.runtime.task;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;

/** Every file below a directory with all that a container must not have changed of it. */
final class Inventory {
  private Inventory() {}

  static Map<String, String> of(Path directory) throws IOException {
    Map<String, String> entries = new TreeMap<>();
    try (Stream<Path> files = Files.walk(directory)) {
      for (Path file : files.toList()) {
        entries.put(file.toString(), describe(file));
      }
    }
    return entries;
  }

  private static String describe(Path file) throws IOException {
    Map<String, Object> status =
        Files.readAttributes(
            file, "unix:mode,uid,gid,rdev,size,lastModifiedTime,ctime", LinkOption.NOFOLLOW_LINKS);
    String content = Files.isRegularFile(file) ? Files.readString(file) : "";
    return new TreeMap<>(status) + " " + content;
  }
}
