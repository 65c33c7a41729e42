package dev.berth.shim.client;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;

/**
 * A process as /proc shows it. Of one that has ended meanwhile there is nothing: all answers are
 * empty then.
 */
record ProcessEntry(int pid) {
  private static final Path PROC = Path.of("/proc");

  /** Returns those there are. */
  static List<ProcessEntry> all() {
    try (Stream<Path> entries = Files.list(PROC)) {
      return entries
          .map(entry -> entry.getFileName().toString())
          .filter(name -> Character.isDigit(name.charAt(0)))
          .map(name -> new ProcessEntry(Integer.parseInt(name)))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  /** Returns what it was called with; nothing for one that has ended and is unreaped. */
  List<String> words() {
    return List.of(read("cmdline").split("\0"));
  }

  /** Returns the number of its parent; 0 if it has ended. */
  int parent() {
    return read("status")
        .lines()
        .filter(line -> line.startsWith("PPid:"))
        .findFirst()
        .map(line -> Integer.parseInt(line.substring("PPid:".length()).strip()))
        .orElse(0);
  }

  /** Tells whether one of its cgroups has a path that ends with this name. */
  boolean isInGroup(String name) {
    return read("cgroup").lines().anyMatch(line -> line.endsWith("/" + name));
  }

  /** Returns what its descriptors are, as readlink says it. */
  List<String> descriptors() {
    try (Stream<Path> entries = Files.list(file("fd"))) {
      return entries.map(ProcessEntry::target).toList();
    } catch (IOException | UncheckedIOException e) {
      return List.of(); // it has ended
    }
  }

  private static String target(Path descriptor) {
    try {
      return Files.readSymbolicLink(descriptor).toString();
    } catch (IOException e) {
      return ""; // closed meanwhile
    }
  }

  private String read(String name) {
    try {
      return Files.readString(file(name));
    } catch (IOException e) {
      return ""; // it has ended
    }
  }

  private Path file(String name) {
    return PROC.resolve(Integer.toString(pid)).resolve(name);
  }
}
