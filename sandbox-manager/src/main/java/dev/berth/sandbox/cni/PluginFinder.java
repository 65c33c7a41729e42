package dev.berth.sandbox.cni;

import static dev.berth.base.BerthException.Kind.FAILED_PRECONDITION;

import dev.berth.base.BerthException;
import dev.berth.base.Ids;
import java.io.File;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Collectors;

/** Finds the program of a plugin in the plugin directories. */
final class PluginFinder {
  private final List<Path> directories;

  PluginFinder(List<Path> directories) {
    this.directories = List.copyOf(directories);
  }

  /**
   * Returns the first executable file of that name.
   *
   * @throws BerthException INVALID_ARGUMENT if the type could leave the directories (rule R11),
   *     FAILED_PRECONDITION if no directory has it
   */
  Path find(String type) {
    Ids.requireName("CNI plugin type", type);
    return directories.stream()
        .map(directory -> directory.resolve(type))
        .filter(program -> Files.isRegularFile(program) && Files.isExecutable(program))
        .findFirst()
        .orElseThrow(() ->
            new BerthException(
                FAILED_PRECONDITION, "CNI plugin " + type + " is in none of " + directories));
  }

  /** Returns the directories as {@code CNI_PATH}: plugins call plugins. */
  String path() {
    return directories.stream().map(Path::toString).collect(Collectors.joining(File.pathSeparator));
  }
}
