package dev.berth.e2e;

import dev.berth.testing.Await;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;

/**
 * The cgroup of a process as the host has it, for tests that do to it what nobody should: in each
 * hierarchy of version 1, or in that of version 2.
 *
 * @param directories the group in each hierarchy
 * @param roots the root of each hierarchy, in the same order
 */
record ContainerCgroup(List<Path> directories, List<Path> roots) {
  private static final Path MOUNTED = Path.of("/sys/fs/cgroup");
  private static final Duration LIMIT = Duration.ofSeconds(10);

  static ContainerCgroup of(long pid, String containerId) throws IOException {
    List<Path> directories = new ArrayList<>();
    List<Path> roots = new ArrayList<>();
    for (String line : Files.readAllLines(Path.of("/proc", Long.toString(pid), "cgroup"))) {
      String[] fields = line.split(":", 3);
      Path root = fields[1].isEmpty() ? MOUNTED : MOUNTED.resolve(fields[1].replace("name=", ""));
      if (fields[2].endsWith(containerId) && Files.isDirectory(root)) {
        directories.add(root.resolve(fields[2].substring(1)));
        roots.add(root);
      }
    }
    return new ContainerCgroup(directories, roots);
  }

  void freeze(boolean frozen) throws IOException {
    for (Path directory : directories) {
      write(directory.resolve("freezer.state"), frozen ? "FROZEN" : "THAWED");
      write(directory.resolve("cgroup.freeze"), frozen ? "1" : "0");
    }
  }

  private static void write(Path file, String value) throws IOException {
    if (Files.exists(file)) {
      Files.writeString(file, value);
    }
  }

  /** Moves the processes to the root and removes the group, behind everyone's back. */
  void takeAway() throws IOException {
    for (int i = 0; i < directories.size(); i++) {
      for (String pid : Files.readAllLines(directories.get(i).resolve("cgroup.procs"))) {
        Files.writeString(roots.get(i).resolve("cgroup.procs"), pid);
      }
      Path directory = directories.get(i);
      Await.until(directory + " is gone", LIMIT, () -> isRemoved(directory));
    }
  }

  private static boolean isRemoved(Path directory) {
    try {
      Files.delete(directory);
      return true;
    } catch (NoSuchFileException e) {
      return true;
    } catch (IOException e) {
      return false; // busy for a moment more
    }
  }
}
