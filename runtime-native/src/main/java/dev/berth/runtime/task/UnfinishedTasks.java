package dev.berth.runtime.task;

import dev.berth.base.BerthException;
import dev.berth.runtime.cgroup.Cgroup;
import dev.berth.runtime.spec.Linux;
import dev.berth.runtime.spec.RuntimeSpec;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import java.util.function.BiConsumer;
import java.util.stream.Stream;

/**
 * Undoes what a JVM left that was killed while it created a task: a directory without a record.
 *
 * <p>Nobody was told of such a task, and nobody can start it. Its configuration, which is there
 * before anything else, names its cgroup: with the processes in it, which wait at the start gate,
 * its stub ends too. Hooks are not run: how far it came is not known.
 */
final class UnfinishedTasks {
  private final Launcher launcher;

  UnfinishedTasks(Launcher launcher) {
    this.launcher = launcher;
  }

  void removeAll(Path stateDirectory, BiConsumer<Path, RuntimeException> onFailure) {
    for (Path path : list(stateDirectory)) {
      TaskDirectory directory = new TaskDirectory(path);
      if (Files.exists(directory.state())) {
        continue;
      }
      try {
        remove(directory);
      } catch (RuntimeException e) {
        onFailure.accept(path, e);
      }
    }
  }

  /** Removes one, with the processes in its cgroup. */
  void remove(TaskDirectory directory) {
    try {
      if (Files.exists(directory.config())) {
        cgroup(directory).ifPresent(Tasks::deleteCgroup);
      }
      ResourceGroup.remove(directory);
      directory.delete();
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, directory.path() + ": cannot be undone: " + e, e);
    }
  }

  /** Of one whose configuration was not written to its end nothing else had been made. */
  private Optional<Cgroup> cgroup(TaskDirectory directory) throws IOException {
    Linux linux;
    try {
      linux = RuntimeSpec.parse(Files.readAllBytes(directory.config())).linux();
    } catch (BerthException e) {
      if (Files.exists(directory.state())) { // it was made, and what runs of it cannot be found
        throw e;
      }
      return Optional.empty();
    }
    return linux == null ? Optional.empty() : launcher.cgroup(linux.cgroupsPath());
  }

  private static List<Path> list(Path directory) {
    if (!Files.isDirectory(directory)) {
      return List.of();
    }
    try (Stream<Path> entries = Files.list(directory)) {
      return entries.filter(Files::isDirectory).sorted().toList();
    } catch (IOException e) {
      throw new BerthException(
          BerthException.Kind.INTERNAL, directory + ": cannot be listed: " + e, e);
    }
  }
}
